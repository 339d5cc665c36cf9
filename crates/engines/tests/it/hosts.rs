//! Processes on hosts of their own: reached from everywhere, cut off in silence, joined again.
//!
//! Where there are no such hosts, each test says so and why, and is skipped.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use standfast_engines::hosts::{Host, HostsError, Network};
use standfast_engines::process::{
    Child, CommandSpec, Guardian, Output, ProcessId, Signal, Spawner,
};
use standfast_engines::{Engine, EngineError, EngineKind, EngineSpec, Upstream, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::place::{Place, temporary};
use crate::postgres::{client, count, sql};

/// The kernel removes namespaces one after the other, and other tests make some, too.
const GONE_WITHIN: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(10);
/// Longer than any answer takes here, and than a neighbour is asked for until it is given up.
const SILENCE: Duration = Duration::from_secs(4);
/// A packet that was sent in vain is sent again at doubling intervals, up to as long after the
/// healing as the cut has lasted.
const FLOWS_AGAIN_WITHIN: Duration = Duration::from_secs(20);
/// Hosts have ports of their own, so any number will do.
const PORT: u16 = 5432;

/// A network for one test; `None`, with its reason printed, where there can be none.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
async fn network(spawner: &Spawner, name: &str, hosts: &[&str]) -> Option<Network> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    match Network::create(spawner, name, &hosts).await {
        Ok(network) => Some(network),
        Err(error) if error.is_lack() => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            println!("skipped: {error}{}", cause.unwrap_or_default());
            None
        }
        // What works in part on this machine has failed, and that is no reason to pass.
        Err(error) => panic!("{error}"),
    }
}

/// Answers whatever comes, on a port of `host`.
async fn echo(host: &Host) -> SocketAddr {
    let address = SocketAddr::from((host.address(), 0));
    let listener =
        host.namespace().visit(|| std::net::TcpListener::bind(address)).unwrap().unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn ask(connection: &mut TcpStream, word: &[u8; 4]) {
    connection.write_all(word).await.unwrap();
    let mut answer = [0; 4];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, word);
}

async fn removed(interface: &str) {
    let path = format!("/sys/class/net/{interface}");
    let gone = || async { (!Path::new(&path).exists()).then_some(()) };
    assert!(wait_until(GONE_WITHIN, gone).await.is_some(), "{interface} is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_cut_off_is_silent_and_what_was_sent_arrives_when_it_is_healed() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    let Some(network) = network(&spawner, "silence", &["here", "there"]).await else { return };
    let there = echo(network.host("there").unwrap()).await;
    let mut connection = TcpStream::connect(there).await.unwrap();
    ask(&mut connection, b"once").await;

    network.cut("there").await.unwrap();
    network.cut("there").await.expect("to cut twice is to cut once");
    connection.write_all(b"wait").await.unwrap();
    let mut answer = [0; 4];
    let nothing = tokio::time::timeout(SILENCE, connection.read_exact(&mut answer)).await;
    assert!(nothing.is_err(), "neither an answer nor an end: {nothing:?}");
    let connect = tokio::time::timeout(SILENCE / 4, TcpStream::connect(there)).await;
    assert!(connect.is_err(), "neither accepted nor refused: {connect:?}");
    let here = echo(network.host("here").unwrap()).await;
    ask(&mut TcpStream::connect(here).await.unwrap(), b"left").await;

    network.heal("there").await.unwrap();
    network.heal("there").await.expect("to heal twice is to heal once");
    tokio::time::timeout(FLOWS_AGAIN_WITHIN, connection.read_exact(&mut answer))
        .await
        .expect("it flows again")
        .unwrap();
    assert_eq!(&answer, b"wait", "nothing was lost");
    let interface = network.interface();
    drop(network);
    removed(&interface).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_networks_at_a_time_do_not_meet() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    let Some(first) = network(&spawner, "first", &["a", "b"]).await else { return };
    let hosts = ["a".to_owned(), "b".to_owned()];
    let (second, third) = tokio::join!(
        Network::create(&spawner, "second", &hosts),
        Network::create(&spawner, "third", &hosts)
    );
    let networks = [first, second.unwrap(), third.unwrap()];
    let mut addresses: Vec<_> =
        networks.iter().flat_map(|network| network.hosts().iter().map(Host::address)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 6, "every host has its own: {addresses:?}");
    networks[1].cut("a").await.unwrap();
    for network in [&networks[0], &networks[2]] {
        let other = echo(network.host("a").unwrap()).await;
        ask(&mut TcpStream::connect(other).await.unwrap(), b"mine").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_wrong_is_refused_with_those_that_there_are() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    let Some(network) = network(&spawner, "names", &["primary", "replica"]).await else { return };
    let error = network.cut("repilca").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no host `repilca`, there are `primary`, `replica`");
    let twice = Network::create(&spawner, "twice", &["a".to_owned(), "a".to_owned()]).await;
    assert!(matches!(twice.unwrap_err(), HostsError::Twice { host } if host == "a"));
}

/// Two servers, each on a host of its own, the second one a replica of the first.
struct Pair {
    primary: Engine,
    replica: Engine,
}

async fn pair(place: &Place, network: &Network) -> Pair {
    let on = |host: &str, spec: EngineSpec| EngineSpec {
        host: Some(network.host(host).unwrap().clone()),
        port: PORT,
        ..spec
    };
    let primary = on("primary", place.spec("primary", EngineKind::Postgres));
    let primary = place.create(primary).await;
    primary.start().await.unwrap();
    sql(&primary, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
    let replica_of = Some(Upstream {
        host: primary.spec().address().to_string(),
        port: PORT,
        slot: "standfast_replica".to_owned(),
    });
    let replica = on("replica", place.spec("replica", EngineKind::Postgres));
    let replica = place.create(EngineSpec { replica_of, ..replica }).await;
    replica.start().await.unwrap();
    Pair { primary, replica }
}

async fn has_rows(engine: &Engine, rows: i64) -> bool {
    let equal = || async { (count(engine).await == Some(rows)).then_some(()) };
    wait_until(FLOWS_AGAIN_WITHIN, equal).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_replicate_between_hosts_and_a_cut_is_silence_for_the_replica_and_for_us() {
    let place = Place::new("hosts");
    let Some(network) = network(&place.spawner, "pair", &["primary", "replica"]).await else {
        return;
    };
    let Pair { primary, replica } = pair(&place, &network).await;
    sql(&primary, "INSERT INTO kept VALUES (2)").await;
    assert!(has_rows(&replica, 2).await, "it streams from host to host");
    let open = client(&primary.url()).await;
    open.simple_query("SELECT 1").await.unwrap();

    network.cut("primary").await.unwrap();
    let query = open.simple_query("SELECT 1");
    tokio::pin!(query);
    let silent = tokio::time::timeout(SILENCE, &mut query).await;
    assert!(silent.is_err(), "an open query hangs, and no error comes: {silent:?}");
    assert!(primary.is_running(), "the server itself has noticed nothing");
    assert!(matches!(primary.ready().await.unwrap_err(), EngineError::NoAnswer { .. }));
    replica.ready().await.expect("the others go on");

    network.heal("primary").await.unwrap();
    let flows = tokio::time::timeout(FLOWS_AGAIN_WITHIN, query).await;
    flows.expect("the same query goes on").unwrap();
    primary.ready().await.unwrap();
    sql(&primary, "INSERT INTO kept VALUES (3)").await;
    assert!(has_rows(&replica, 3).await, "the replica has found its primary again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_listens_on_its_host_only_and_a_busy_port_there_names_its_holder() {
    let place = Place::new("host-cache");
    let Some(network) = network(&place.spawner, "cache", &["cache", "other"]).await else { return };
    let on = |host: &str| EngineSpec {
        host: Some(network.host(host).unwrap().clone()),
        port: PORT,
        ..place.spec(host, EngineKind::Valkey)
    };
    let cache = place.create(on("cache")).await;
    cache.start().await.unwrap();
    let other = place.create(on("other")).await;
    other.start().await.expect("the same port of another host is another port");
    assert_eq!(cache.flush().await.unwrap(), 0);
    assert!(TcpStream::connect(("127.0.0.1", PORT)).await.is_err(), "not on our own loopback");

    let second = EngineSpec { data: place.root.join("data/second"), ..on("cache") };
    let error = place.create(second).await.start().await.unwrap_err();
    let EngineError::PortBusy { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, cache.child().unwrap().pid());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_on_its_host_as_another_user_and_its_siblings_are_not() {
    let place = Place::new("host-child");
    let Some(network) = network(&place.spawner, "child", &["lonely"]).await else { return };
    let interfaces = || {
        CommandSpec::new("list", "/bin/sh").arguments([
            "-c",
            "cut -s -d: -f1 /proc/net/dev | tr -d ' ' | sort | tr '\\n' ' '; id -u",
        ])
    };
    let user = standfast_engines::UserId::unprivileged().unwrap();
    let uid = user.as_ref().unwrap().uid;
    let namespace = Some(network.host("lonely").unwrap().namespace().clone());
    let there = CommandSpec { namespace, user, ..interfaces() };
    let there = place.spawner.run(there, SOON).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&there.stdout).trim(), format!("eth0 lo {uid}"));
    let here = place.spawner.run(interfaces(), SOON).await.unwrap();
    let here = String::from_utf8_lossy(&here.stdout).into_owned();
    assert!(here.contains(&network.interface()), "the spawner came back: {here}");
}

const IS_OWNER: &str = "STANDFAST_TEST_OWNS_NETWORK";

#[tokio::test]
#[ignore = "the body of a process that owns a network"]
async fn owner_body() {
    assert!(std::env::var_os(IS_OWNER).is_some(), "only makes sense as a process of its own");
    let spawner = Spawner::start(Guardian::None).unwrap();
    let hosts = ["a".to_owned(), "b".to_owned()];
    let network = Network::create(&spawner, "owner", &hosts).await.unwrap();
    let namespace = Some(network.hosts()[0].namespace().clone());
    let sleeper = CommandSpec { namespace, ..CommandSpec::new("sleeper", "/bin/sleep") };
    let sleeper = spawner.spawn(sleeper.arguments(["1000"])).await.unwrap();
    println!("\nowner {} {} {}", network.interface(), sleeper.pid(), sleeper.start_time());
    std::future::pending::<()>().await;
}

async fn owner(spawner: &Spawner, log: &Path) -> (Child, String, ProcessId) {
    let (lines, mut seen) = mpsc::channel(64);
    let command = CommandSpec {
        environment: vec![(IS_OWNER.into(), "yes".into())],
        output: Output::Lines { log: log.to_owned(), lines },
        ..CommandSpec::new("owner", std::env::current_exe().unwrap())
    };
    let arguments = ["--ignored", "--exact", "--nocapture", "hosts::owner_body"];
    let process = spawner.spawn(command.arguments(arguments)).await.unwrap();
    let announced = async {
        loop {
            let line = seen.recv().await.expect("the owner ended early, see its log");
            if let Some(announcement) = line.strip_prefix("owner ") {
                return announcement.to_owned();
            }
        }
    };
    let announced = tokio::time::timeout(GONE_WITHIN, announced).await.unwrap();
    let words: Vec<&str> = announced.split(' ').collect();
    let (pid, start_time) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    (process, words[0].to_owned(), ProcessId { pid, start_time })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_the_owner_leaves_no_interface_no_namespace_and_no_process() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    // Says whether this machine can, and why not.
    if network(&spawner, "probe", &["a"]).await.is_none() {
        return;
    }
    let log = temporary("owner.log");
    let (process, interface, sleeper) = owner(&spawner, &log).await;
    assert!(Path::new(&format!("/sys/class/net/{interface}")).exists());
    process.signal(Signal::SIGKILL);
    process.wait().await;
    let ended = || async { (!sleeper.is_alive()).then_some(()) };
    assert!(wait_until(SOON, ended).await.is_some(), "the process on the host has ended");
    removed(&interface).await;
    std::fs::remove_file(log).unwrap();
}
