"""Drives the PyPI client chaostoolkit-toxiproxy: `chaostoolkit.py PORT UPSTREAM_PORT`.

This client swallows most errors, so that the server is asked what became of each call.
"""

import json
import sys
import urllib.error
import urllib.request

from chaostoxi.proxy import actions, probes
from chaostoxi.toxic import actions as toxics

port, upstream_port = sys.argv[1:3]
configuration = {"toxiproxy_host": "127.0.0.1", "toxiproxy_port": port}


def state():
    """The proxy as the server has it; nothing when it has none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/proxies/echo") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return None


def attributes(name):
    [found] = [toxic for toxic in state()["toxics"] if toxic["name"] == name]
    return found["type"], found["stream"], found["attributes"]


assert state() is None and not probes.proxy_exist("echo", configuration=configuration)
assert actions.create_proxy(
    "echo", "127.0.0.1", int(upstream_port), listen_host="127.0.0.1", configuration=configuration
)
proxy = state()
assert proxy["upstream"] == "127.0.0.1:" + upstream_port and proxy["enabled"] and not proxy["toxics"]
assert configuration["echo_PORT"] == proxy["listen"].split(":")[1], "it reads the port that was chosen"
assert probes.proxy_exist("echo", configuration=configuration)
listen = probes.get_proxy_attribute("echo", "listen", configuration=configuration)
assert listen == proxy["listen"], listen

actions.disable_proxy("echo", configuration=configuration)
assert not state()["enabled"]
actions.enable_proxy("echo", configuration=configuration)
assert state()["enabled"] and state()["listen"] == proxy["listen"]
actions.modify_proxy(
    "echo", listen_address="127.0.0.1:0", upstream_address="127.0.0.1:1",
    configuration=configuration,
)
assert state()["upstream"] == "127.0.0.1:1"

assert toxics.create_latency_toxic("echo", "late", 100, 5, configuration=configuration)
assert attributes("late") == ("latency", "downstream", {"latency": 100, "jitter": 5})
assert toxics.create_bandwith_degradation_toxic("echo", "thin", 32, configuration=configuration)
assert attributes("thin") == ("bandwidth", "downstream", {"rate": 32})
assert toxics.create_slow_connection_close_toxic("echo", "slow", 7, configuration=configuration)
assert attributes("slow") == ("slow_close", "downstream", {"delay": 7})
assert toxics.create_timeout_toxic("echo", "silent", 9, configuration=configuration)
assert attributes("silent") == ("timeout", "downstream", {"timeout": 9})
assert toxics.create_slicer_toxic("echo", "sliced", 64, 32, 10, configuration=configuration)
sliced = {"average_size": 64, "size_variation": 32, "delay": 10}
assert attributes("sliced") == ("slicer", "downstream", sliced), attributes("sliced")
assert toxics.create_limiter_toxic("echo", "short", 1000, configuration=configuration)
assert attributes("short") == ("limit_data", "downstream", {"bytes": 1000})
assert toxics.create_toxic(
    "echo", "none", "noop", stream="upstream", toxicity=0.5, attributes=None,
    configuration=configuration,
)
assert attributes("none") == ("noop", "upstream", {})

assert toxics.delete_toxic("echo", "late", configuration=configuration)
assert not toxics.delete_toxic("echo", "late", configuration=configuration), "it is gone already"
actions.disable_proxy("echo", configuration=configuration)
actions.reset(configuration=configuration)
assert state()["enabled"] and not state()["toxics"]
actions.delete_proxy("echo", configuration=configuration)
assert state() is None
print("chaostoolkit-toxiproxy is content")
