//! A whole experiment with final readings: a shop that is killed, with its orders on disk or not.

use standfast_history::{FinalRead, read_jsonl};
use standfast_lab::run::Tagged;
use standfast_lab::verdict::{Arm, Verdict};

use crate::report_run::Lab;

/// Orders are confirmed when they are half a second old, and listed in pages of 20.
const SHOP: &str = r#"import http.server, json, os, sys, threading, time, urllib.parse
journal = "orders.log" if os.environ["DURABLE"] == "on" else None
lock, orders = threading.Lock(), []
if journal:
    journal = os.path.join(sys.argv[2], journal)
    if os.path.exists(journal):
        orders = [json.loads(line) for line in open(journal)]
def stock():
    return 100000 - sum(order["quantity"] for order in orders)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            order = dict(asked, id="%d-%d" % (os.getpid(), len(orders)), at=time.time())
            if journal:
                with open(journal, "a") as out: out.write(json.dumps(order) + "\n")
            orders.append(order)
        self.answer(201, {"order_id": order["id"]})
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        with lock:
            if url.path == "/orders":
                query = urllib.parse.parse_qs(url.query)
                start = int(query.get("after", ["0"])[0])
                status = lambda order: "confirmed" if order["at"] + 0.5 < time.time() else "pending"
                page = [dict(order, status=status(order)) for order in orders[start:start + 20]]
                following = start + 20 if start + 20 < len(orders) else None
                return self.answer(200, {"orders": page, "next": following})
            left = {"product": "P", "stock": stock(), "version": len(orders)}
        self.answer(200, {"products": [left]} if url.path == "/stock" else left)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[service.shop]
run = ["python3", "shop.py", "{port}", "{dir}"]
port = 5000
env = { DURABLE = "on" }
ready = { http = "/stock" }
[tactic.journal]
title = "Orders are on disk before they are acknowledged"
without = { shop = { env = { DURABLE = "off" } } }
[scenario.order]
service = "shop"
method = "POST"
path = "/orders"
body = '{"product":"P","quantity":{quantity}}'
variables.quantity = { integer = { from = 1, to = 3 } }
observe = { id = "body:/order_id", key = "P", value = "{quantity}" }
[scenario.look]
service = "shop"
path = "/stock/P"
observe = { key = "P", version = "body:/version", value = "body:/stock" }
"#;

const EXPERIMENT: &str = r#"title = "No order is lost"
tactic = "journal"
duration = "3s"
warm_up = "500ms"
settle = "500ms"
[[load]]
scenario = "order"
rate = "40/s"
[[load]]
scenario = "look"
rate = "80/s"
[[timeline]]
at = "1s"
fault = { kind = "kill", target = "shop" }
[[final]]
name = "orders"
services = ["shop"]
path = "/orders"
page = { cursor = "/next", path = "/orders?after={cursor}" }
rows = "/orders"
fields = { id = "/id", product = "/product", quantity = "/quantity", status = "/status" }
until = { none = { status = ["pending"] } }
within = "10s"
[[final]]
name = "stock"
services = ["shop"]
path = "/stock"
rows = "/products"
fields = { product = "/product", stock = "/stock", version = "/version" }
before_load = true
[[claim]]
that = "ledger"
of = "order"
orders = "orders"
stock = "stock"
[[claim]]
that = "wrong_answers"
of = "look"
truth = "stock"
during = "before"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_on_disk_survive_a_kill_and_those_in_memory_are_found_missing() {
    let files = [("shop.py", SHOP), ("system.toml", SYSTEM)];
    let (lab, result) = Lab::until_it_holds("ledger", EXPERIMENT, &files).await;
    let treatment = &result.arm(Arm::Treatment).unwrap().claims;
    assert!(treatment[0].n > 20, "{:?}", treatment[0]);
    assert!(treatment[1].n > 0 && treatment[1].verdict == Verdict::Holds, "{:?}", treatment[1]);
    let control = &result.arm(Arm::Control).unwrap().claims[0];
    assert_eq!(control.verdict, Verdict::Refuted, "{control:?}");
    let evidence = &control.trials[0].evidence;
    assert!(evidence.iter().any(|line| line.starts_with("lost: order ")), "{evidence:?}");

    let finals: Vec<Tagged<FinalRead>> = read_jsonl(&lab.options.folder.finals()).unwrap();
    let orders = finals.iter().find(|tagged| tagged.record.name == "orders").unwrap();
    assert!(orders.record.rows.len() > 20, "more than one page");
    assert!(orders.record.rows.iter().all(|row| row["status"] == "confirmed"));
    let first = finals.iter().filter(|tagged| tagged.record.before_load);
    assert_eq!(first.count(), 2, "the stock of each arm");
    lab.assert_clean();
}
