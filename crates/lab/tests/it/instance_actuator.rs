//! A database and its replica whose roles a service decides on, as a watchdog does in a failover.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_failover::actuator::wire::{Answer, Rejoining, Request};
use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, ProcessState};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_postgres::{Client, NoTls};

use crate::instance_bench::{Bench, state, wait_until};

/// The watchdog itself is the test.
const ORDERS: &str = r#"name = "orders"
title = "Orders"
[engine.orders-a]
kind = "postgres"
port = 5432
database = "orders"
user = "orders"
init = ["schema.sql"]
managed_by = "watchdog"
[engine.orders-b]
kind = "postgres"
port = 5433
replica_of = "orders-a"
managed_by = "watchdog"
[engine.orders-proxy]
kind = "haproxy"
port = 6432
backends = ["orders-a", "orders-b"]
[service.watchdog]
run = ["sleep", "600"]
actuates = ["orders-a", "orders-b"]
env = { ROUTER = "{orders-proxy.socket}", DATABASE = "{orders-proxy.url}" }
"#;

const SCHEMA: &str = "CREATE TABLE kept (id int); GRANT SELECT, INSERT ON kept TO orders;\n";

pub(crate) fn bench() -> Bench {
    Bench::with_files(ORDERS, &[("schema.sql", SCHEMA)])
}

/// What the watchdog is told by its environment.
pub(crate) fn told(instance: &Instance, variable: &str) -> String {
    let path = format!("/proc/{}/environ", instance.pid("watchdog").unwrap());
    let environment = std::fs::read_to_string(path).unwrap();
    let prefix = format!("{variable}=");
    let value = environment.split('\0').find_map(|pair| pair.strip_prefix(&prefix));
    value.unwrap().to_owned()
}

/// What the actuator answers to one line.
async fn say(instance: &Instance, line: &str) -> Answer {
    let stream = UnixStream::connect(told(instance, "STANDFAST_ACTUATOR")).await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_line(&mut answer).await.unwrap();
    serde_json::from_str(&answer).unwrap()
}

pub(crate) async fn ask(instance: &Instance, request: &Request) -> Answer {
    say(instance, &serde_json::to_string(request).unwrap()).await
}

pub(crate) async fn fence(instance: &Instance, node: &str) -> Answer {
    ask(instance, &Request::Fence { node: node.to_owned() }).await
}

async fn set_ready(instance: &Instance, node: &str) {
    let mut stream = UnixStream::connect(told(instance, "ROUTER")).await.unwrap();
    let command = format!("set server orders-proxy/{node} state ready\n");
    stream.write_all(command.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.trim(), "");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

pub(crate) async fn run(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    connect(url).await.batch_execute(sql).await
}

async fn count(url: &str) -> i64 {
    connect(url).await.query_one("SELECT count(*) FROM kept", &[]).await.unwrap().get(0)
}

async fn has_rows(instance: &Instance, node: &str, rows: i64) {
    let url = instance.admin_url(node).unwrap();
    wait_until("the rows are there", async || count(url).await == rows).await;
}

fn fault_of(instance: &Instance, name: &str) -> Option<FaultKind> {
    instance.processes().into_iter().find(|process| process.name == name).unwrap().fault
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_is_fenced_and_comes_back_as_a_replica() {
    let bench = bench();
    let (instance, mut events) = bench.up("orders").await;
    let status = ask(&instance, &Request::Status { node: "orders-a".to_owned() }).await;
    let pid = instance.pid("orders-a").unwrap();
    assert!(matches!(status, Answer::Running { pid: seen, .. } if seen == pid), "{status:?}");
    // A replica that follows already goes on as it is.
    let replica = instance.pid("orders-b");
    let follow = Some("orders-a".to_owned());
    let started = ask(&instance, &Request::Start { node: "orders-b".to_owned(), follow }).await;
    assert!(matches!(started, Answer::Running { pid, .. } if Some(pid) == replica), "{started:?}");

    set_ready(&instance, "orders-a").await;
    let proxy = told(&instance, "DATABASE");
    assert_eq!(instance.url("orders-proxy"), Some(proxy.as_str()));
    run(&proxy, "INSERT INTO kept VALUES (1)").await.unwrap();
    has_rows(&instance, "orders-b", 1).await;

    let freeze = Fault::new(FaultKind::Pause, "orders-a");
    let frozen = instance.inject(&freeze, Hold::UntilHealed).await.unwrap();
    let fenced = fence(&instance, "orders-a").await;
    let Answer::Fenced { evidence } = fenced else { panic!("{fenced:?}") };
    assert!(evidence.starts_with(&format!("pid {pid} ")), "{evidence}");
    assert!(evidence.contains("refuses"), "{evidence}");
    assert_eq!(state(&instance, "orders-a"), ProcessState::Fenced);
    assert_eq!(fault_of(&instance, "orders-a"), None, "nothing is frozen any more");

    let promote = "SELECT pg_promote(true, 30)";
    run(instance.admin_url("orders-b").unwrap(), promote).await.unwrap();
    set_ready(&instance, "orders-b").await;
    run(&proxy, "INSERT INTO kept VALUES (2)").await.unwrap();

    // Somebody starts it by hand: there it is, and takes no write.
    instance.start("orders-a").await.unwrap();
    let old = instance.admin_url("orders-a").unwrap();
    let refused = run(old, "INSERT INTO kept VALUES (3)").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "25006", "read only");
    assert!(matches!(fence(&instance, "orders-a").await, Answer::Fenced { .. }));

    // The freeze is healed when whoever decides has brought it back.
    let node = "orders-a".to_owned();
    let rejoin = Request::Rejoin { node, from: "orders-b".to_owned() };
    let (healed, rejoined) = tokio::join!(instance.heal(frozen), ask(&instance, &rejoin));
    healed.unwrap();
    let is_back =
        matches!(rejoined, Answer::Rejoined { how: Rejoining::Rewound | Rejoining::Replayed });
    assert!(is_back, "{rejoined:?}");
    assert_eq!(state(&instance, "orders-a"), ProcessState::Ready);
    has_rows(&instance, "orders-a", 2).await;
    assert!(instance.active_faults().is_empty());
    let seen = events.about("orders-a");
    assert_eq!(seen.iter().filter(|event| *event == "fenced").count(), 2, "{seen:?}");

    // Roles outlive the supervisor.
    instance.shutdown(Data::Keep).await.unwrap();
    let (instance, _events) = bench.up("orders").await;
    run(instance.admin_url("orders-b").unwrap(), "INSERT INTO kept VALUES (4)").await.unwrap();
    has_rows(&instance, "orders-a", 3).await;
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whoever_decides_brings_a_dead_engine_back() {
    let bench = bench();
    let (instance, mut events) = bench.up("orders").await;
    let url = instance.admin_url("orders-a").unwrap().to_owned();
    run(&url, "INSERT INTO kept VALUES (1)").await.unwrap();
    let node = || "orders-a".to_owned();
    let start = Request::Start { node: node(), follow: None };

    // Without a length the fault is over at once, and the lab leaves the rest to others.
    let kill = Fault::new(FaultKind::Kill, "orders-a");
    instance.inject(&kill, Hold::No).await.unwrap().leave();
    events.wait("exited", "orders-a").await;
    assert_eq!(state(&instance, "orders-a"), ProcessState::Stopped);
    assert_eq!(ask(&instance, &Request::Status { node: node() }).await, Answer::Stopped);
    let started = ask(&instance, &start).await;
    assert!(matches!(started, Answer::Running { .. }), "{started:?}");
    run(&url, "INSERT INTO kept VALUES (2)").await.unwrap();

    // While the fault lasts, nobody does.
    let killed = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    let refused = ask(&instance, &start).await;
    let problem = "`orders-a` is held by the fault `kill`".to_owned();
    assert_eq!(refused, Answer::Failed { problem });
    assert!(matches!(fence(&instance, "orders-a").await, Answer::Fenced { .. }));
    let heal = instance.heal(killed);
    let restart = async {
        wait_until("it is let go", async || fault_of(&instance, "orders-a").is_none()).await;
        assert_eq!(state(&instance, "orders-a"), ProcessState::Fenced);
        ask(&instance, &Request::Restart { node: node() }).await
    };
    let (healed, restarted) = tokio::join!(heal, restart);
    healed.unwrap();
    assert!(matches!(restarted, Answer::Running { .. }), "{restarted:?}");
    run(&url, "INSERT INTO kept VALUES (3)").await.unwrap();
    assert_eq!(count(&url).await, 3, "crash recovery keeps all that was acknowledged");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_answered_and_changes_nothing() {
    let bench = bench();
    let (instance, _events) = bench.up("orders").await;
    let pid = instance.pid("orders-a");
    let check = async |line: &str, expected: &str| {
        let Answer::Failed { problem } = say(&instance, line).await else { panic!("{line}") };
        assert!(problem.contains(expected), "{problem}");
    };
    check("fence orders-a", "that is no request").await;
    check(r#"{"verb":"fence","node":"orders-c"}"#, "`orders-c` is none of `orders-a`").await;
    check(r#"{"verb":"fence","node":"orders-a","now":true}"#, "that is no request").await;
    check(r#"{"verb":"rejoin","node":"orders-a","from":"orders-b"}"#, "runs, and is to be fenced")
        .await;
    assert_eq!(instance.pid("orders-a"), pid);
    assert_eq!(state(&instance, "orders-a"), ProcessState::Ready);
    instance.shutdown(Data::Delete).await.unwrap();
}
