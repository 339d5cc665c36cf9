//! Faults inside of services, and services that lose all that they kept, on real processes.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_lab::fault::{Fault, FaultError, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, ProcessState};
use standfast_lab::spec::{ExperimentSource, SystemSource};
use tokio::time::Instant;

use crate::instance_bench::{Bench, get, state, wait_until};

/// A service as users write one: it obeys the lab at `FAULT_PORT`, and keeps a file.
const BREAKABLE: &str = r#"import http.server, json, os, random, sys, threading, time

fault, counts, chance = None, {}, random.Random()

class Quiet(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_lab(self):
        return self.headers.get("X-Standfast-Token") == os.environ["STANDFAST_RUN_TOKEN"]

    def log_message(self, *arguments):
        pass

class Stock(Quiet):
    def do_GET(self):
        now, stock = fault or {"kind": "none"}, 5
        name = "probes_hit" if self.is_lab() else "hits"
        if now["kind"] == "latency":
            time.sleep(now["delay_ms"] / 1000)
        elif now["kind"] == "incorrect" and now.get("product", "X") == "X":
            stock = 6
        elif now["kind"] == "forge":
            stock = 7
        elif now["kind"] == "silent":
            counts[name] = counts.get(name, 0) + 1
            return time.sleep(2)
        elif now["kind"] != "intermittent" or chance.random() > now["probability"]:
            return self.answer(200, {"product_id": "X", "stock": 5})
        counts[name] = counts.get(name, 0) + 1
        status = 500 if now["kind"] == "intermittent" else 200
        self.answer(status, {"product_id": "X", "stock": stock})

class Faults(Quiet):
    def do_PUT(self):
        global fault
        counts.clear()
        fault = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chance.seed(fault["seed"])
        self.do_GET()

    def do_GET(self):
        self.answer(200 if self.is_lab() else 403, {"fault": fault, **counts})

    def do_DELETE(self):
        global fault
        met, fault = {"fault": fault, **counts}, None
        self.answer(200 if self.is_lab() else 403, met)

with open(os.path.join(sys.argv[1], "kept"), "a") as kept:
    kept.write("started\n")
serve = lambda name, handler: http.server.ThreadingHTTPServer(
    (os.environ["BIND"], int(os.environ[name])), handler).serve_forever()
threading.Thread(target=serve, args=("FAULT_PORT", Faults), daemon=True).start()
serve("PORT", Stock)
"#;

const STOCK: &str = r#"name = "stock"
title = "A stock that can be broken"
[service.web]
run = ["python3", "breakable.py", "{dir}"]
port = 5000
faults = true
probe = "/stock"
ready = { http = "/" }
files = [{ from = "web.py", to = "given.py" }]
[service.plain]
run = ["sleep", "600"]
port = 5001
ready = { command = ["true"] }
[scenario.stock]
service = "web"
method = "GET"
path = "/stock"
"#;

fn bench() -> Bench {
    let bench = Bench::new(STOCK);
    std::fs::write(bench.root.join("system/breakable.py"), BREAKABLE).unwrap();
    bench
}

fn slow(delay: &str) -> Fault {
    Fault { delay: Some(delay.parse().unwrap()), ..Fault::new(FaultKind::Slow, "web") }
}

fn intermittent(probability: &str) -> Fault {
    let probability = Some(probability.parse().unwrap());
    Fault { probability, ..Fault::new(FaultKind::Intermittent, "web") }
}

fn incorrect(product: Option<&str>) -> Fault {
    let product = product.map(str::to_owned);
    Fault { product, ..Fault::new(FaultKind::Incorrect, "web") }
}

async fn stock(instance: &Instance) -> Option<String> {
    get(instance, "/stock").await
}

const TRUE: &str = r#"{"product_id": "X", "stock": 5}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_slow_until_it_is_healed_and_tells_whom_that_met() {
    let bench = bench();
    let (instance, mut events) = bench.up("stock").await;
    let delay = Duration::from_millis(200);
    let injected = instance.inject(&slow("200ms"), Hold::No).await.unwrap();
    let evidence = injected.evidence.text.clone();
    assert!(evidence.starts_with("GET /stock was answered after "), "{evidence}");
    assert_eq!(instance.active_faults(), [slow("200ms")]);
    let process = instance.processes().into_iter().find(|one| one.name == "web").unwrap();
    assert_eq!((process.fault, process.state), (Some(FaultKind::Slow), ProcessState::Ready));
    let asked = Instant::now();
    assert_eq!(stock(&instance).await.as_deref(), Some(TRUE));
    assert!(asked.elapsed() >= delay, "{:?}", asked.elapsed());
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert_eq!(hit.requests, 1, "the lab's own request does not count");
    assert!(instance.active_faults().is_empty());
    assert_eq!(events.about("web"), ["ready", "injecting", "injected", "healing", "healed"]);
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intermittent_service_fails_and_one_that_nobody_asked_is_known_to_have_met_nobody() {
    let bench = bench();
    let (instance, _events) = bench.up("stock").await;
    let injected = instance.inject(&intermittent("0.2"), Hold::No).await.unwrap();
    let evidence = injected.evidence.text.clone();
    assert!(evidence.starts_with("GET /stock answered 500 at request "), "{evidence}");
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert!(hit.is_nothing(), "{hit:?}");
    assert_eq!(stock(&instance).await.as_deref(), Some(TRUE));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_is_seen_before_it_counts_as_one() {
    let bench = bench();
    let (instance, _events) = bench.up("stock").await;
    let error = instance.inject(&incorrect(Some("Y")), Hold::No).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "incorrect of `web` had no effect: GET /stock names no stock of `Y` to be wrong"
    );
    assert!(instance.active_faults().is_empty(), "what did not show is taken back");
    let injected = instance.inject(&incorrect(None), Hold::No).await.unwrap();
    assert_eq!(injected.evidence.text, "GET /stock names another stock than before");
    assert_ne!(stock(&instance).await.as_deref(), Some(TRUE));
    drop(injected);
    let is_true = async || stock(&instance).await.as_deref() == Some(TRUE);
    wait_until("nobody holds the fault any more, so it ends", is_true).await;
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn perjury_and_silence_are_seen_before_they_count() {
    let bench = bench();
    let (instance, _events) = bench.up("stock").await;
    let of_web = |kind| Fault::new(kind, "web");
    let injected = instance.inject(&of_web(FaultKind::Forge), Hold::No).await.unwrap();
    assert_eq!(injected.evidence.text, "GET /stock is answered otherwise than before");
    assert_ne!(stock(&instance).await.as_deref(), Some(TRUE));
    assert_eq!(instance.heal(injected).await.unwrap().hit.unwrap().requests, 1);

    let error = instance.inject(&of_web(FaultKind::Replay), Hold::No).await.unwrap_err();
    let expected = "replay of `web` had no effect: GET /stock is answered as before: does it sign \
                    what it says?";
    assert_eq!(error.to_string(), expected);
    assert!(instance.active_faults().is_empty(), "what did not show is taken back");

    let injected = instance.inject(&of_web(FaultKind::Silent), Hold::No).await.unwrap();
    assert_eq!(injected.evidence.text, "GET /stock was not answered for 300 ms");
    instance.heal(injected).await.unwrap();
    assert_eq!(stock(&instance).await.as_deref(), Some(TRUE));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_has_one_fault_at_a_time_and_loses_it_with_its_process() {
    let bench = bench();
    let (instance, mut events) = bench.up("stock").await;
    let injected = instance.inject(&incorrect(None), Hold::No).await.unwrap();
    for second in [slow("10ms"), Fault::new(FaultKind::Kill, "web")] {
        let error = instance.inject(&second, Hold::No).await.unwrap_err().to_string();
        assert_eq!(error, "`web` is held by the fault `incorrect` already");
    }
    instance.restart("web").await.unwrap();
    assert!(instance.active_faults().is_empty(), "the new process knows nothing of it");
    assert_eq!(stock(&instance).await.as_deref(), Some(TRUE));
    assert_eq!(instance.heal(injected).await.unwrap().hit, None, "nobody knows what it met");

    let paused = instance.inject(&Fault::new(FaultKind::Pause, "web"), Hold::No).await.unwrap();
    let error = instance.inject(&slow("10ms"), Hold::No).await.unwrap_err().to_string();
    assert_eq!(error, "`web` is held by the fault `pause` already");
    instance.heal(paused).await.unwrap();
    instance.inject(&intermittent("1"), Hold::No).await.unwrap().leave();
    instance.heal_all().await.unwrap();
    assert_eq!(stock(&instance).await.as_deref(), Some(TRUE));
    assert!(events.about("web").contains(&"not_injected".to_owned()));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_service_begins_from_nothing() {
    let bench = bench();
    let (instance, _events) = bench.up("stock").await;
    let (data, wipe) = (instance.folder().data("web"), Fault::new(FaultKind::Wipe, "web"));
    let kept = || std::fs::read_to_string(data.join("kept")).ok();
    for folder in ["deep", "deep/er"] {
        std::fs::create_dir_all(data.join(folder)).unwrap();
        std::fs::write(data.join(folder).join("state"), "1").unwrap();
    }
    let before = instance.pid("web");
    let injected = instance.inject(&wipe, Hold::No).await.unwrap();
    let evidence = injected.evidence.text.clone();
    assert!(evidence.ends_with("refuses, 3 files lost"), "{evidence}");
    instance.heal(injected).await.unwrap();
    assert_ne!(instance.pid("web"), before);
    assert_eq!(kept().as_deref(), Some("started\n"), "once, since it lost the first time");
    assert!(data.join("given.py").is_file(), "what it is given stays");
    assert!(!data.join("deep/er/state").exists());
    assert!(bench.root.join("system/breakable.py").is_file(), "the system's own files stay");

    let held = instance.inject(&wipe, Hold::UntilHealed).await.unwrap();
    assert_eq!((state(&instance, "web"), kept()), (ProcessState::Stopped, None));
    instance.heal(held).await.unwrap();
    assert_eq!(kept().as_deref(), Some("started\n"));
    let plain = Fault::new(FaultKind::Wipe, "plain");
    let error = instance.inject(&plain, Hold::No).await.unwrap_err();
    assert!(matches!(error, FaultError::NoEffect { .. }), "{error}");
    assert!(instance.pid("plain").is_some(), "one that keeps nothing is left alone");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_obey_the_lab_cannot_be_broken_from_inside() {
    let bench = bench();
    let (instance, _events) = bench.up("stock").await;
    let fault = Fault { target: "plain".to_owned(), ..slow("1s") };
    let error = instance.inject(&fault, Hold::No).await.unwrap_err().to_string();
    assert_eq!(error, "cannot slow `plain`: [service.plain] does not say `faults = true`");
    instance.shutdown(Data::Delete).await.unwrap();
}

fn problems(system: &str, fault: &str) -> String {
    let shop = SystemSource::Embedded {
        name: "stock".to_owned(),
        text: system.to_owned(),
        files: vec![("web.py".to_owned(), String::new())],
    };
    let text = format!(
        "title = \"\"\nsystem = \"stock\"\nduration = \"5s\"\n[[load]]\nscenario = \"stock\"\n\
         rate = \"1/s\"\n[[timeline]]\nat = \"1s\"\nfault = {fault}\n[[claim]]\n\
         that = \"availability\"\nat_least = \"1 %\"\n"
    );
    let loaded = ExperimentSource::embedded("stock", "x", &text).load(&[shop]);
    loaded.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn an_experiment_with_a_fault_that_its_system_cannot_have_is_refused() {
    assert_eq!(problems(STOCK, "{ kind = 'intermittent', target = 'web', probability = 0.5 }"), "");
    assert_eq!(problems(STOCK, "{ kind = 'incorrect', target = 'web', product = 'X' }"), "");
    let check = |fault, expected: &str| {
        let found = problems(STOCK, fault);
        assert!(found.contains(expected), "{found}");
    };
    let plain = "{ kind = 'slow', target = 'plain', delay = '1s' }";
    check(plain, "cannot slow `plain`: [service.plain] does not say `faults = true`");
    check("{ kind = 'slow', target = 'web' }", "slow needs `delay`");
    let likely = "{ kind = 'intermittent', target = 'web', probability = 2 }";
    check(likely, "`2` is no probability: it is above 0 and at most 1");
    let mute = STOCK.replace("faults = true\n", "");
    let found = problems(&mute, "{ kind = 'kill', target = 'web' }");
    assert!(found.contains("`probe` shows faults, and needs `faults = true`"), "{found}");
}
