//! A cluster of PostgreSQL whose roles Patroni and etcd decide on, in the place of the watchdog
//! that its system declares.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, ProcessState, ProvisionError};
use standfast_lab::spec::Manager;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use crate::instance_actuator;
use crate::instance_bench::{Bench, is_alive, state, wait_until};

fn bench() -> Bench {
    let mut bench = instance_actuator::bench();
    let system = (*bench.system).clone().with_manager(Manager::Patroni).unwrap();
    bench.system = Arc::new(system);
    bench
}

/// The server beside an agent.
fn postmaster(instance: &Instance, engine: &str) -> Option<u32> {
    let file = instance.folder().data(engine).join("postmaster.pid");
    std::fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
}

/// Writes through the proxy, which asks the agents who is primary.
async fn write(instance: &Instance, id: u32) {
    let url = instance.url("orders-proxy").unwrap();
    let insert = format!("INSERT INTO kept VALUES ({id})");
    wait_until("it is written", async || takes(url, &insert).await).await;
}

/// Whether the agents have agreed that this one may take over.
async fn is_heir(instance: &Instance, engine: &str) -> bool {
    let ports = instance.folder().record().unwrap().unwrap().ports;
    let port = ports[&format!("{engine}.agent")];
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /synchronous HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| answer.contains(" 200 "))
}

/// While roles change, connections are refused and closed.
async fn takes(url: &str, sql: &str) -> bool {
    let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await else { return false };
    let connection = tokio::spawn(connection);
    let is_taken = client.batch_execute(sql).await.is_ok();
    connection.abort();
    is_taken
}

async fn shows(instance: &Instance, engine: &str, id: u32) {
    let url = instance.admin_url(engine).unwrap();
    let shown = format!("SELECT 1 / count(*) FROM kept WHERE id = {id}");
    wait_until("it is shown", async || takes(url, &shown).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patroni_hands_a_cluster_over_and_takes_the_old_primary_back() {
    let bench = bench();
    let (instance, _events) = bench.up("orders").await;
    assert!(instance.processes().iter().all(|process| process.name != "watchdog"));
    write(&instance, 1).await;
    wait_until("one may take over", async || is_heir(&instance, "orders-b").await).await;
    // An orderly stop gives the lease back, so that nobody waits for its end.
    instance.stop("orders-a").await.unwrap();
    write(&instance, 2).await;
    shows(&instance, "orders-b", 1).await;
    instance.start("orders-a").await.unwrap();
    shows(&instance, "orders-a", 2).await;
    let servers = ["orders-a", "orders-b"].map(|engine| postmaster(&instance, engine).unwrap());
    instance.shutdown(Data::Delete).await.unwrap();
    assert!(!servers.into_iter().any(is_alive), "no server outlives its agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_its_agent_and_its_server_and_is_started_again_whichever_was_killed() {
    let bench = bench();
    let (instance, mut events) = bench.up("orders").await;
    write(&instance, 1).await;
    let agent = Pid::from_raw(instance.pid("orders-b").unwrap().cast_signed());
    kill(agent, Signal::SIGKILL).unwrap();
    events.wait("exited", "orders-b").await;
    wait_until("the agent is back", async || state(&instance, "orders-b") == ProcessState::Ready)
        .await;
    wait_until("so is the server", async || {
        postmaster(&instance, "orders-b").is_some_and(is_alive)
    })
    .await;
    let server = postmaster(&instance, "orders-b").unwrap();
    let fault = Fault::new(FaultKind::Kill, "orders-b");
    let injected = instance.inject(&fault, Hold::UntilHealed).await.unwrap();
    assert!(!is_alive(server), "both are gone");
    instance.heal(injected).await.unwrap();
    write(&instance, 2).await;
    shows(&instance, "orders-b", 2).await;
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_one_manager_kept_are_not_given_to_the_other() {
    let mut bench = bench();
    let (mut options, _events) = bench.options("orders");
    options.ephemeral = false;
    let instance = bench.provision(options).await.unwrap();
    instance.shutdown(Data::Keep).await.unwrap();
    bench.system = instance_actuator::bench().system.clone();
    let (options, _events) = bench.options("orders");
    let error = bench.provision(options).await.unwrap_err();
    assert!(matches!(error, ProvisionError::OtherManager { .. }), "{error}");
    assert!(error.to_string().contains("give --manager patroni"), "{error}");
}
