//! Network faults on real processes: felt on the link and nowhere else, and gone afterwards.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::io::ErrorKind;
use std::time::Duration;

use standfast_lab::fault::{Fault, FaultError, FaultKind, Hold, Sides};
use standfast_lab::instance::{Data, Instance, Network, Ports, ProcessState};
use tokio::time::Instant;

use crate::instance_bench::{get, state, wait_until};
use crate::network_bench::{Client, bench, cut, latency, port, up};

fn variable(instance: &Instance, process: &str, name: &str) -> String {
    let path = format!("/proc/{}/environ", instance.pid(process).unwrap());
    let environment = std::fs::read_to_string(path).unwrap();
    let value =
        |pair: &str| Some(pair.split_once('=').filter(|(key, _)| *key == name)?.1.to_owned());
    environment.split('\0').find_map(value).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_one_who_connects_is_told_of_the_listener() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let edges: Vec<String> = instance.links().iter().map(|link| link.edge.to_string()).collect();
    assert_eq!(edges, ["gate:cache", "gate:web", "web:cache"]);
    let direct = instance.url("cache").unwrap();
    let told = variable(&instance, "web", "CACHE_URL");
    let (credentials, address) = told.rsplit_once('@').unwrap();
    assert!(direct.starts_with(credentials), "{told} {direct}");
    assert_eq!(address, format!("127.0.0.1:{}", port(&instance, "web:cache")));
    assert_eq!(
        variable(&instance, "gate", "WEB"),
        format!("127.0.0.1:{}", port(&instance, "gate:web"))
    );
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_direct_cannot_be_broken_and_says_so() {
    let bench = bench();
    let (mut options, _events) = bench.options("linked");
    options.network = Network::Edges(["web:cache".parse().unwrap()].into());
    let instance = bench.provision(options).await.unwrap();
    let refused = async |fault: &Fault| {
        instance.inject(fault, Hold::UntilHealed).await.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&cut("cache")).await,
        "`gate:cache` does not lead through the fault proxy: the system was brought up with \
         direct links"
    );
    assert_eq!(
        refused(&cut("web:cahce")).await,
        "`cahce` is no engine or service of linked; did you mean `cache`?"
    );
    let no_delay = Fault::new(FaultKind::Latency, "web:cache");
    assert_eq!(refused(&no_delay).await, "latency needs `delay`, as in `delay = \"200ms\"`");
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    instance.heal(injected).await.unwrap();
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latency_is_felt_in_every_answer() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let delay = Duration::from_millis(400);
    let slow = latency("web:cache", "400ms");
    let injected = instance.inject(&slow, Hold::UntilHealed).await.unwrap();
    assert_eq!(injected.evidence.text, "1 link slower by 400ms, 1 connection delayed");
    for _ in 0..2 {
        let asked = Instant::now();
        assert_eq!(client.ask("PING").await.unwrap(), "+PONG");
        assert!(asked.elapsed() >= delay, "{:?}", asked.elapsed());
    }
    let mut direct = Client::direct(&instance).await;
    assert_eq!(direct.ask("PING").await.unwrap(), "+PONG");
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert_eq!((hit.connections, hit.attempts, hit.bytes), (1, 0, 14), "{hit:?}");
    let mut quickest = delay;
    while quickest >= delay {
        let asked = Instant::now();
        client.ask("PING").await.unwrap();
        quickest = asked.elapsed();
    }
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_is_silent_and_flows_on_without_loss() {
    let bench = bench();
    let (instance, mut events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    assert_eq!(injected.evidence.text, "1 link cut, 1 connection silent");
    let large = "x".repeat(50_000);
    client.send(&format!("SET first {large}")).await.unwrap();
    client.send("GET first").await.unwrap();
    let mut new = Client::silent(&instance).await;
    new.send("QUIT").await.unwrap();
    assert!(client.is_silent().await && new.is_silent().await);
    let mut direct = Client::direct(&instance).await;
    assert_eq!(direct.ask("EXISTS first").await.unwrap(), ":0", "nothing came through");
    assert_ne!(get(&instance, "/").await.as_deref(), Some("pong"), "web hears nothing either");
    assert_eq!(instance.links()[2].faults, [FaultKind::Cut]);

    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert!(hit.attempts >= 1 && hit.bytes > 50_000, "{hit:?}");
    assert_eq!(client.answer().await.unwrap(), "+OK");
    assert_eq!(client.answer().await.unwrap(), format!("${}", large.len()));
    assert_eq!(client.answer().await.unwrap(), large);
    assert_eq!(new.answer().await.unwrap(), "+OK");
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"));
    let healed = events.wait("healed", "web:cache").await;
    assert_eq!(healed.fields["bytes"].as_u64(), Some(hit.bytes));
    assert!(instance.active_faults().is_empty());
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_can_be_cut_one_way() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut direct = Client::direct(&instance).await;
    for (side, is_heard) in [(Sides::Upstream, false), (Sides::Downstream, true)] {
        let mut client = Client::over_the_link(&instance).await;
        let one_way = Fault { direction: Some(side), ..cut("web:cache") };
        let injected = instance.inject(&one_way, Hold::UntilHealed).await.unwrap();
        let expected = format!("1 link cut {side}, 1 connection silent");
        assert_eq!(injected.evidence.text, expected);
        client.send(&format!("SET {side} 1")).await.unwrap();
        if is_heard {
            while direct.ask(&format!("EXISTS {side}")).await.unwrap() != ":1" {}
        }
        assert!(client.is_silent().await, "{side}");
        let exists = direct.ask(&format!("EXISTS {side}")).await.unwrap();
        assert_eq!(exists, if is_heard { ":1" } else { ":0" }, "{side}");
        instance.heal(injected).await.unwrap();
        assert_eq!(client.answer().await.unwrap(), "+OK", "{side}");
        drop(client);
        wait_until("it is closed", async || instance.links()[2].connections == 0).await;
    }
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_cuts_what_crosses_it_and_nothing_else() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let partition = Fault::new(FaultKind::Partition, "cache | web gate");
    let injected = instance.inject(&partition, Hold::UntilHealed).await.unwrap();
    assert_eq!(injected.evidence.text, "2 links between both sides cut, 0 connections silent");
    let under: Vec<usize> = instance.links().iter().map(|link| link.faults.len()).collect();
    assert_eq!(under, [1, 0, 1], "the gate reaches the web server");
    let mut client = Client::silent(&instance).await;
    client.send("QUIT").await.unwrap();
    assert!(client.is_silent().await);
    instance.heal(injected).await.unwrap();
    assert_eq!(client.answer().await.unwrap(), "+OK");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_live_connections_and_while_it_lasts_new_ones() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let reset = Fault::new(FaultKind::Reset, "web:cache");
    let error = instance.inject(&reset, Hold::No).await.unwrap_err();
    assert!(matches!(error, FaultError::NoEffect { .. }), "{error}");

    let mut client = Client::over_the_link(&instance).await;
    let injected = instance.inject(&reset, Hold::No).await.unwrap();
    assert_eq!(injected.evidence.text, "1 connection of 1 link reset");
    assert_eq!(client.answer().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(instance.active_faults().is_empty(), "it is over");
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert_eq!((hit.resets, hit.is_nothing()), (1, false));

    let mut client = Client::over_the_link(&instance).await;
    let injected = instance.inject(&reset, Hold::UntilHealed).await.unwrap();
    assert_eq!(client.answer().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut new = Client::silent(&instance).await;
    new.send("PING").await.unwrap();
    assert_eq!(new.answer().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    instance.heal(injected).await.unwrap();
    let mut healthy = Client::over_the_link(&instance).await;
    assert_eq!(healthy.ask("PING").await.unwrap(), "+PONG");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_link_takes_its_time() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let narrow = Fault {
        rate: Some("100 KB/s".parse().unwrap()),
        ..Fault::new(FaultKind::Bandwidth, "web:cache")
    };
    let injected = instance.inject(&narrow, Hold::UntilHealed).await.unwrap();
    assert_eq!(injected.evidence.text, "1 link narrowed to 100 KB/s, 1 connection on them");
    let sent = Instant::now();
    let large = format!("SET large {}", "x".repeat(50_000));
    assert_eq!(client.ask(&large).await.unwrap(), "+OK");
    // The first slice may go at once.
    assert!(sent.elapsed() >= Duration::from_millis(350), "{:?}", sent.elapsed());
    instance.heal(injected).await.unwrap();
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn different_faults_stack_and_the_same_one_twice_is_refused() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let pause = Fault::new(FaultKind::Pause, "cache");
    let cut_one = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    let slow = latency("cache", "50ms");
    let slow = instance.inject(&slow, Hold::UntilHealed).await.unwrap();
    let paused = instance.inject(&pause, Hold::UntilHealed).await.unwrap();
    assert_eq!(instance.active_faults().len(), 3);
    let again = instance.inject(&cut("cache"), Hold::UntilHealed).await.unwrap_err();
    assert_eq!(again.to_string(), "`web:cache` is held by the fault `cut` already");
    let untouched = instance.links()[0].faults.clone();
    assert_eq!(untouched, [FaultKind::Latency], "a refused fault leaves nothing behind");

    client.send("PING").await.unwrap();
    // A link is whole again although the one it leads to hangs.
    instance.heal(cut_one).await.unwrap();
    assert!(client.is_silent().await, "it is paused");
    instance.heal(paused).await.unwrap();
    assert_eq!(client.answer().await.unwrap(), "+PONG");
    instance.heal(slow).await.unwrap();
    assert!(instance.active_faults().is_empty());
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_fault_that_nobody_holds_any_more_is_gone_at_once() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    client.send("PING").await.unwrap();
    assert!(client.is_silent().await);
    drop(injected);
    assert!(instance.active_faults().is_empty());
    assert_eq!(client.answer().await.unwrap(), "+PONG");

    instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap().leave();
    instance.inject(&latency("cache", "1s"), Hold::UntilHealed).await.unwrap().leave();
    assert_eq!(instance.active_faults().len(), 2, "left in effect");
    instance.heal_all().await.unwrap();
    assert_eq!(client.ask("PING").await.unwrap(), "+PONG");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_to_which_nothing_came_is_known_to_have_had_no_effect() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert!(hit.is_nothing() && hit.connections == 1, "{hit:?}");
    let injected = instance.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    client.send("PING").await.unwrap();
    assert!(client.is_silent().await);
    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert!(!hit.is_nothing() && hit.bytes == 6, "{hit:?}");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_behind_a_routed_link_ends_connections_as_without_it() {
    let bench = bench();
    let (instance, _events) = up(&bench).await;
    let mut client = Client::over_the_link(&instance).await;
    let kill = Fault::new(FaultKind::Kill, "cache");
    let injected = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    let ended = client.answer().await.unwrap_err().kind();
    assert!(matches!(ended, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{ended}");
    let mut refused = Client::silent(&instance).await;
    let ended = refused.answer().await.unwrap_err().kind();
    assert!(matches!(ended, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{ended}");
    instance.heal(injected).await.unwrap();
    let mut back = Client::over_the_link(&instance).await;
    assert_eq!(back.ask("PING").await.unwrap(), "+PONG");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_broken_links_stops_in_order_and_starts_again() {
    let bench = bench();
    let (mut options, _events) = bench.options("linked");
    (options.network, options.ephemeral) = (Network::All, false);
    let instance = bench.provision(options.clone()).await.unwrap();
    let own: Vec<_> = instance.processes().iter().map(|process| process.port).collect();
    let held = instance.inject(&cut("cache"), Hold::UntilHealed).await.unwrap();
    held.leave();
    instance.stop("web").await.unwrap();
    assert_eq!(instance.active_faults(), [cut("cache")], "the link is another thing");
    instance.shutdown(Data::KeepStopped).await.unwrap();

    options.ports = Ports::Recorded;
    let instance = bench.provision(options).await.unwrap();
    let again: Vec<_> = instance.processes().iter().map(|process| process.port).collect();
    assert_eq!(own, again, "listeners of links do not take the ports of processes");
    assert!(instance.active_faults().is_empty());
    assert_eq!(get(&instance, "/").await.as_deref(), Some("pong"));
    assert_eq!(state(&instance, "cache"), ProcessState::Ready);
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_engine_that_runs_elsewhere_can_be_broken_as_well() {
    let (elsewhere, bench) = (bench(), bench());
    let (there, _events) = up(&elsewhere).await;
    let (mut options, _events) = bench.options("here");
    options.network = Network::All;
    options.external = [("cache".to_owned(), there.url("cache").unwrap().to_owned())].into();
    let here = bench.provision(options).await.unwrap();
    assert_eq!(get(&here, "/").await.as_deref(), Some("pong"));
    let injected = here.inject(&cut("web:cache"), Hold::UntilHealed).await.unwrap();
    assert_ne!(get(&here, "/").await.as_deref(), Some("pong"));
    assert_eq!(get(&there, "/").await.as_deref(), Some("pong"), "only our link is cut");
    here.heal(injected).await.unwrap();
    assert_eq!(get(&here, "/").await.as_deref(), Some("pong"));
    here.shutdown(Data::Delete).await.unwrap();
    there.shutdown(Data::Delete).await.unwrap();
}
