//! A system whose links can be broken, and a client that speaks to its cache over one of them.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::io;
use std::time::Duration;

use standfast_lab::fault::{Fault, FaultKind};
use standfast_lab::instance::{Instance, Network};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::instance_bench::{Bench, Events, wait_until};

/// Longer than an answer takes over an unbroken link, even here.
const SILENCE: Duration = Duration::from_millis(300);

/// Longer than anything here takes on a busy machine: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers 200 when the cache answers it on a connection of its own, and 503 when not.
const ASKER: &str = r#"import http.server, os, socket, sys, urllib.parse

cache = urllib.parse.urlparse(os.environ["CACHE_URL"])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with socket.create_connection((cache.hostname, cache.port), 0.5) as link:
                link.sendall(b"AUTH " + cache.password.encode() + b"\r\nPING\r\n")
                answer = b""
                while not answer.endswith(b"+PONG\r\n"):
                    chunk = link.recv(100)
                    if not chunk:
                        raise OSError("closed")
                    answer += chunk
            status, body = 200, b"pong"
        except OSError as error:
            status, body = 503, str(error).encode()
        if self.path == "/ready":
            status = 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

address = (os.environ["BIND"], int(sys.argv[1]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"#;

/// A gate before a web server on Valkey. The gate also watches the cache.
pub(crate) const LINKED: &str = r#"name = "linked"
title = "Links"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["python3", "asker.py", "{port}"]
port = 5000
needs = ["cache"]
env = { CACHE_URL = "{cache.url}" }
ready = { http = "/ready" }
[service.gate]
run = ["sleep", "600"]
env = { WEB = "{web.host}:{web.port}", CACHE = "{cache.port}" }
[tactic.politeness]
title = "Greet"
[scenario.home]
service = "web"
method = "GET"
path = "/"
"#;

pub(crate) fn bench() -> Bench {
    let bench = Bench::new(LINKED);
    std::fs::write(bench.root.join("system/asker.py"), ASKER).unwrap();
    bench
}

/// The system, with every link through the fault proxy.
pub(crate) async fn up(bench: &Bench) -> (Instance, Events) {
    let (mut options, events) = bench.options("linked");
    options.network = Network::All;
    let instance = bench.provision(options).await.unwrap();
    let is_quiet = async || instance.links().iter().all(|link| link.connections == 0);
    wait_until("the readiness check has left", is_quiet).await;
    (instance, events)
}

pub(crate) fn cut(target: &str) -> Fault {
    Fault::new(FaultKind::Cut, target)
}

pub(crate) fn latency(target: &str, delay: &str) -> Fault {
    Fault { delay: Some(delay.parse().unwrap()), ..Fault::new(FaultKind::Latency, target) }
}

/// The port that stands for `edge`'s far end.
pub(crate) fn port(instance: &Instance, edge: &str) -> u16 {
    let links = instance.links();
    links.iter().find(|link| link.edge.to_string() == edge).unwrap().port
}

/// A connection to the cache.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// As `web` connects, over the link `web:cache`.
    pub(crate) async fn over_the_link(instance: &Instance) -> Self {
        let mut client = Self::silent(instance).await;
        client.authenticate(instance).await;
        client
    }

    /// Connected over the link, with nothing said yet.
    pub(crate) async fn silent(instance: &Instance) -> Self {
        Self::to(port(instance, "web:cache")).await
    }

    /// As the lab connects, directly.
    pub(crate) async fn direct(instance: &Instance) -> Self {
        let url = instance.url("cache").unwrap();
        let mut client = Self::to(url.rsplit_once(':').unwrap().1.parse().unwrap()).await;
        client.authenticate(instance).await;
        client
    }

    async fn to(port: u16) -> Self {
        Self { stream: TcpStream::connect(("127.0.0.1", port)).await.unwrap() }
    }

    async fn authenticate(&mut self, instance: &Instance) {
        let url = instance.url("cache").unwrap();
        let (password, _) = url.strip_prefix("redis://:").unwrap().split_once('@').unwrap();
        self.send(&format!("AUTH {password}")).await.unwrap();
        assert_eq!(self.answer().await.unwrap(), "+OK");
    }

    pub(crate) async fn send(&mut self, command: &str) -> io::Result<()> {
        self.stream.write_all(format!("{command}\r\n").as_bytes()).await
    }

    /// The next line.
    pub(crate) async fn answer(&mut self) -> io::Result<String> {
        let line = async {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.stream.read_u8().await?);
            }
            Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
        };
        tokio::time::timeout(PATIENCE, line).await.expect("an answer, or the end of the connection")
    }

    pub(crate) async fn ask(&mut self, command: &str) -> io::Result<String> {
        self.send(command).await?;
        self.answer().await
    }

    /// Whether nothing comes, not even the end.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        tokio::time::timeout(SILENCE, self.stream.peek(&mut byte)).await.is_err()
    }
}
