"""Answers every request with the name of the server."""

import http.server
import sys

PORT, NAME = int(sys.argv[1]), sys.argv[2]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"hello from {NAME}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Source", NAME)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    # The default of 5 drops connections in a burst.
    request_queue_size = 128


Server(("127.0.0.1", PORT), Handler).serve_forever()
