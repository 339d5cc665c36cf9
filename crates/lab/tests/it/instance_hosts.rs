//! Processes on hosts of their own: they find each other, and one that is cut off is silent for
//! all, the lab included.
//!
//! Where there can be no such hosts, each test says so and why, and is skipped.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::time::Duration;

use standfast_engines::hosts;
use standfast_lab::fault::{Fault, FaultError, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, Network, ProvisionError, sweep};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::instance_bench::{Bench, Events, get, wait_until};
use crate::network_bench::{bench, cut};

/// Longer than any answer takes here.
const SILENCE: Duration = Duration::from_millis(500);
/// What was sent in vain is sent again at doubling intervals.
const FLOWS_AGAIN_WITHIN: Duration = Duration::from_secs(20);

/// Whether this machine can have hosts of their own.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
async fn can_have_hosts(bench: &Bench) -> bool {
    match hosts::Network::try_out(&bench.spawner).await {
        Ok(()) => true,
        Err(error) if error.is_lack() => {
            println!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

async fn up(bench: &Bench, name: &str) -> (Instance, Events) {
    let (mut options, events) = bench.options(name);
    options.own_hosts = true;
    (bench.provision(options).await.unwrap(), events)
}

fn isolate(target: &str) -> Fault {
    Fault::new(FaultKind::Isolate, target)
}

/// Where the cache is, as placeholders say it.
fn cache(instance: &Instance) -> SocketAddr {
    instance.url("cache").unwrap().rsplit_once('@').unwrap().1.parse().unwrap()
}

async fn is_reached(instance: &Instance, service: &str) -> bool {
    let connect = TcpStream::connect(instance.endpoint(service).unwrap());
    tokio::time::timeout(SILENCE, connect).await.is_ok()
}

/// What the interfaces of this machine are said to be for.
fn aliases() -> Vec<String> {
    let interfaces = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    interfaces.filter_map(|one| std::fs::read_to_string(one.path().join("ifalias")).ok()).collect()
}

async fn nothing_is_left(name: &str) {
    let is_gone = async || !aliases().iter().any(|alias| alias.trim_end().ends_with(name));
    wait_until("its interface is gone", is_gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_on_hosts_of_their_own_find_each_other() {
    let bench = bench();
    if !can_have_hosts(&bench).await {
        return;
    }
    let (instance, _events) = up(&bench, "hosted-found").await;
    let (web, cache) = (instance.endpoint("web").unwrap(), cache(&instance));
    assert!(!web.ip().is_loopback() && web.ip() != cache.ip(), "{web} {cache}");
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"), "web asks the cache");
    let shown = instance.processes();
    let shown = shown.iter().find(|process| process.name == "web").unwrap();
    assert_eq!(shown.host.map(Into::into), Some(web.ip()));
    assert!(TcpStream::connect(("127.0.0.1", web.port())).await.is_err(), "not on our loopback");
    let name = format!(":{}", instance.name());
    assert!(aliases().iter().any(|alias| alias.trim_end().ends_with(&name)), "{:?}", aliases());
    instance.shutdown(Data::Delete).await.unwrap();
    nothing_is_left(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolated_process_is_silent_for_all_and_goes_on_where_it_was() {
    let bench = bench();
    if !can_have_hosts(&bench).await {
        return;
    }
    let (instance, mut events) = up(&bench, "hosted-silent").await;
    let mut client = TcpStream::connect(cache(&instance)).await.unwrap();
    let injected = instance.inject(&isolate("cache"), Hold::UntilHealed).await.unwrap();
    let (address, port) = (cache(&instance).ip(), cache(&instance).port());
    assert_eq!(
        injected.evidence.text,
        format!("host {address} is silent, port {port} neither answers nor refuses")
    );
    client.write_all(b"PING\r\n").await.unwrap();
    let mut byte = [0];
    assert!(tokio::time::timeout(SILENCE, client.peek(&mut byte)).await.is_err(), "silence");
    assert_ne!(get(&instance, "/").await.as_deref(), Some("pong"), "web does not reach it");
    assert!(is_reached(&instance, "web").await, "and is itself reached");
    for kind in [FaultKind::Isolate, FaultKind::Pause, FaultKind::Kill] {
        let again = instance.inject(&Fault::new(kind, "cache"), Hold::UntilHealed).await;
        let error = again.unwrap_err().to_string();
        assert_eq!(error, "`cache` is held by the fault `isolate` already", "{kind}");
    }
    assert_eq!(instance.active_faults(), [isolate("cache")]);

    instance.heal(injected).await.unwrap();
    let answer = tokio::time::timeout(FLOWS_AGAIN_WITHIN, client.read_u8()).await;
    assert_eq!(answer.expect("it flows again").unwrap(), b'-', "an answer: it wants a password");
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"));
    events.wait("healed", "cache").await;
    assert!(instance.active_faults().is_empty());
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_nobody_holds_cut_off_is_joined_again_and_so_it_is_before_the_end() {
    let bench = bench();
    if !can_have_hosts(&bench).await {
        return;
    }
    let (instance, _events) = up(&bench, "hosted-joined").await;
    let injected = instance.inject(&isolate("web"), Hold::UntilHealed).await.unwrap();
    assert!(!is_reached(&instance, "web").await, "the lab itself does not reach it");
    drop(injected);
    let is_back = async || get(&instance, "/").await.as_deref() == Some("pong");
    wait_until("it is reached again", is_back).await;
    wait_until("it is known to be healed", async || instance.active_faults().is_empty()).await;

    let left = instance.inject(&isolate("web"), Hold::No).await.unwrap();
    left.leave();
    assert_eq!(instance.active_faults(), [isolate("web")]);
    let name = format!(":{}", instance.name());
    instance.shutdown(Data::Delete).await.unwrap();
    nothing_is_left(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_between_hosts_can_be_cut_as_well() {
    let bench = bench();
    if !can_have_hosts(&bench).await {
        return;
    }
    let (mut options, _events) = bench.options("linked-hosts");
    options.own_hosts = true;
    options.network = Network::All;
    let instance = bench.provision(options).await.unwrap();
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"), "through the fault proxy");
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    assert_ne!(get(&instance, "/").await.as_deref(), Some("pong"));
    instance.heal(injected).await.unwrap();
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hosts_of_their_own_nobody_is_isolated_and_the_way_out_is_named() {
    let bench = bench();
    let (options, _events) = bench.options("shared");
    let instance = bench.provision(options).await.unwrap();
    let refused =
        async |fault: Fault| instance.inject(&fault, Hold::UntilHealed).await.unwrap_err();
    assert_eq!(
        refused(isolate("cache")).await.to_string(),
        "`cache` has no host of its own: bring the system up with `--hosts`"
    );
    let unknown = refused(isolate("cahce")).await;
    assert!(matches!(unknown, FaultError::UnknownTarget { .. }), "{unknown}");
    instance.shutdown(Data::Delete).await.unwrap();

    let (mut options, _events) = bench.options("elsewhere");
    options.own_hosts = true;
    options.external.insert("cache".to_owned(), "redis://:pw@10.0.0.1:6379".to_owned());
    let error = bench.provision(options).await.unwrap_err();
    assert!(matches!(error, ProvisionError::ExternalHost { .. }), "{error}");
    assert_eq!(sweep(&bench.home).deleted, ["elsewhere"], "its folder is known to be of no use");
}
