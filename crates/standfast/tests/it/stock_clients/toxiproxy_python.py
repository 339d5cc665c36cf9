"""Drives the PyPI client toxiproxy-python: `toxiproxy_python.py PORT UPSTREAM_PORT`.

The upstream echoes. What the client says is held against what a socket sees.
"""

import socket
import sys
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

port, upstream = int(sys.argv[1]), "127.0.0.1:" + sys.argv[2]
server = Toxiproxy()
server.update_api_consumer("127.0.0.1", port)


def raises(kind, call):
    try:
        call()
    except kind:
        return True
    return False


def echo(proxy):
    """Sends a word through a proxy; how long the answer takes."""
    host, _, number = proxy.listen.rpartition(":")
    with socket.create_connection((host, int(number)), timeout=10) as stream:
        before = time.monotonic()
        stream.sendall(b"word")
        assert stream.recv(4) == b"word"
        return time.monotonic() - before


def refuses(proxy):
    """Whether nobody listens where the proxy did."""
    host, _, number = proxy.listen.rpartition(":")
    try:
        socket.create_connection((host, int(number)), timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


assert server.running()
assert server.version() == b'{"version": "2.12.0"}\n', server.version()
assert server.proxies() == {}

proxy = server.create(upstream=upstream, name="echo")
assert proxy.enabled and proxy.upstream == upstream
assert not proxy.listen.endswith(":0"), "the port that was chosen is told"
assert raises(ProxyExists, lambda: server.create(upstream=upstream, name="echo"))
assert server.get_proxy("echo").listen == proxy.listen
echo(proxy)

proxy.add_toxic(type="latency", attributes={"latency": 300})
proxy.add_toxic(type="noop", stream="upstream", name="nothing", toxicity=0.5)
toxics = proxy.toxics()
assert sorted(toxics) == ["latency_downstream", "nothing"], toxics
assert toxics["latency_downstream"].attributes == {"latency": 300, "jitter": 0}
assert toxics["nothing"].toxicity == 0.5 and toxics["nothing"].stream == "upstream"
assert echo(proxy) >= 0.3
assert raises(InvalidToxic, lambda: proxy.add_toxic(type="nonsense"))
assert raises(InvalidToxic, lambda: proxy.add_toxic(type="latency", stream="sideways"))
assert raises(ProxyExists, lambda: proxy.add_toxic(type="latency"))
assert raises(NotFound, lambda: proxy.destroy_toxic("nobody"))
proxy.destroy_toxic("latency_downstream")
assert list(proxy.toxics()) == ["nothing"]

with proxy.down():
    assert refuses(proxy)
    assert not server.get_proxy("echo").enabled
echo(proxy)

proxy.disable()
assert server.reset()
assert server.get_proxy("echo").enabled and proxy.toxics() == {}

made = server.populate([
    {"name": "echo", "upstream": upstream, "listen": proxy.listen},
    {"name": "other", "upstream": upstream, "listen": "127.0.0.1:0"},
])
assert [proxy.name for proxy in made] == ["other"], "the first one was there already"
echo(made[0])

server.destroy_all()
assert server.proxies() == {} and refuses(proxy)
assert raises(NotFound, proxy.destroy)
print("toxiproxy-python is content")
