//! An instance on real processes: brought up, supervised, taken down, and cleaned up after.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use standfast_engines::process::ProcessRecord;
use standfast_lab::instance::{CRASHES_MAX, Data, Ports, ProcessState, ProvisionError, sweep};

use crate::instance_bench::{Bench, SHOP, get, is_alive, state, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_system_comes_up_ready_and_leaves_nothing_behind() {
    let bench = Bench::new(SHOP);
    let (instance, mut events) = bench.up("shop").await;
    assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
    let metrics = instance.scrape("web").await.unwrap();
    assert_eq!(metrics.get("answers_total"), Some(7.0));
    let reported = events.wait("state", "cache").await;
    assert_eq!((reported.source.as_str(), reported.fields["is"].as_str()), ("web", Some("fresh")));
    let log = std::fs::read_to_string(instance.log("web")).unwrap();
    assert!(log.contains("plain words"), "{log}");

    let processes = instance.processes();
    let shown: Vec<_> =
        processes.iter().map(|p| (p.name.as_str(), p.kind.as_str(), p.state)).collect();
    let ready = ProcessState::Ready;
    assert_eq!(shown, [("cache", "valkey", ready), ("web", "service", ready)]);
    assert!(processes.iter().all(|p| p.rss_bytes > Some(1 << 20) && p.ready_in.is_some()));
    let pids: Vec<u32> = processes.iter().filter_map(|process| process.pid).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(*pid)));

    let folder = instance.folder().root().to_owned();
    instance.shutdown(Data::Delete).await.unwrap();
    assert!(!folder.exists());
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_instance_ends_its_processes() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    let pids = ["cache", "web"].map(|name| instance.pid(name).unwrap());
    drop(instance);
    wait_until("all have ended", async || pids.iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_is_restarted_and_that_is_an_event() {
    let bench = Bench::new(SHOP);
    let (instance, mut events) = bench.up("shop").await;
    for name in ["web", "cache"] {
        let before = instance.pid(name).unwrap();
        kill(Pid::from_raw(before.cast_signed()), Signal::SIGKILL).unwrap();
        let exited = events.wait("exited", name).await;
        assert_eq!(exited.fields["status"], "was ended by SIGKILL");
        let restarted = events.wait("restarted", name).await;
        assert!(
            restarted.fields["after_ms"].as_u64() >= Some(100),
            "the first pause: {restarted:?}"
        );
        events.wait("ready", name).await;
        let after = instance.pid(name).unwrap();
        assert_ne!(before, after);
        let process = instance.processes().into_iter().find(|process| process.name == name);
        assert_eq!(process.map(|process| process.restarts), Some(1));
    }
    assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_crashes_is_given_up_after_growing_pauses() {
    // Its pauses are those of real time, some 16 s in all.
    let bench = Bench::new(
        "name = \"broken\"\ntitle = \"Broken\"\n[service.fine]\nrun = [\"sleep\", \"600\"]\n\
         [service.broken]\nrun = [\"sh\", \"-c\", \"sleep 0.2; exit 3\"]\n",
    );
    let (instance, mut events) = bench.up("broken").await;
    events.wait("crash_loop", "broken").await;
    let exits = events.about("broken").iter().filter(|event| *event == "exited").count();
    // A machine that is very busy lets it live for a second now and then, which counts as healthy.
    assert!(exits > CRASHES_MAX as usize, "{exits} exits");
    assert_eq!(state(&instance, "broken"), ProcessState::Failed);
    assert_eq!(state(&instance, "fine"), ProcessState::Ready, "the others live on");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_shows_the_log_and_leaves_no_process() {
    let failing = SHOP.replace("web.py\", \"{port}\"", "-c\", \"raise SystemExit('no luck')\"");
    let bench = Bench::new(&failing);
    let (options, _events) = bench.options("shop");
    let error = bench.provision(options).await.unwrap_err().to_string();
    assert!(error.contains("`web` exited with status 1 before it was ready"), "{error}");
    assert!(error.contains("no luck") && error.contains("logs/web.log"), "{error}");
    wait_until("its lock is free", async || {
        !bench.home.instances().join("shop/processes.json").exists()
            || sweep(&bench.home).deleted == ["shop"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_never_ready_is_told_why() {
    let deaf = SHOP.replace(
        "ready = { http = \"/\" }",
        "ready = { command = [\"false\"], within = \"300ms\" }",
    );
    let bench = Bench::new(&deaf);
    let (options, _events) = bench.options("shop");
    let error = bench.provision(options).await.unwrap_err().to_string();
    assert!(
        error.contains("`web` is not ready within 300ms (`false` exited with status 1)"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_names_who_holds_it() {
    let bench = Bench::new(SHOP);
    // Both ports are ours: another test's client might sit on one that is left free.
    let (first, _second) = std::iter::repeat_with(|| {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let next = first.local_addr().unwrap().port().checked_add(1)?;
        Some((first, std::net::TcpListener::bind(("127.0.0.1", next)).ok()?))
    })
    .take(100)
    .flatten()
    .next()
    .expect("two ports side by side are free");
    let (mut options, _events) = bench.options("shop");
    options.ports = Ports::Base(first.local_addr().unwrap().port());
    let error = bench.provision(options).await.unwrap_err().to_string();
    let own = format!("is held by pid {} ", std::process::id());
    assert!(error.contains("port ") && error.contains(&own), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_of_one_system_live_side_by_side_and_one_name_only_once() {
    let bench = Bench::new(SHOP);
    let (first, _) = bench.up("first").await;
    let (mut options, _events) = bench.options("second");
    options.without = vec!["politeness".to_owned()];
    let second = bench.provision(options).await.unwrap();
    assert_eq!(get(&first, "/").await.as_deref(), Some("hello"));
    assert_eq!(get(&second, "/").await.as_deref(), Some("what"), "the tactic is off");

    let (again, _) = bench.options("first");
    let error = bench.provision(again).await.unwrap_err();
    let ProvisionError::AlreadyRunning { pid, .. } = error else { panic!("{error}") };
    assert_eq!(pid, Some(std::process::id()));
    first.shutdown(Data::Delete).await.unwrap();
    assert_eq!(get(&second, "/").await.as_deref(), Some("what"), "the other one lives on");
    second.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_stop_and_is_gone_after_a_delete() {
    let bench = Bench::new(SHOP);
    let (mut options, _events) = bench.options("kept");
    options.ephemeral = false;
    let instance = bench.provision(options.clone()).await.unwrap();
    let ports: Vec<_> = instance.processes().iter().map(|process| process.port).collect();
    let kept = instance.folder().data("web").join("kept");
    std::fs::write(&kept, "data").unwrap();
    instance.shutdown(Data::KeepStopped).await.unwrap();
    assert!(sweep(&bench.home).deleted.is_empty(), "it is no ephemeral one");

    let instance = bench.provision(options.clone()).await.unwrap();
    let again: Vec<_> = instance.processes().iter().map(|process| process.port).collect();
    assert_eq!(ports, again, "an instance keeps its ports");
    assert!(kept.exists());
    instance.shutdown(Data::Delete).await.unwrap();
    assert!(!kept.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_supervisor_left_is_ended_by_the_next_start_of_anything() {
    let bench = Bench::new(SHOP);
    // As a supervisor leaves it that had no time for anything: a record and a running process.
    let (instance, _events) = bench.up("lost").await;
    let folder = instance.folder().root().to_owned();
    let record = std::fs::read(folder.join("instance.json")).unwrap();
    instance.shutdown(Data::KeepStopped).await.unwrap();
    std::fs::write(folder.join("instance.json"), record).unwrap();
    let spec = standfast_engines::process::CommandSpec::new("orphan", "sleep").arguments(["600"]);
    let orphan = bench.spawner.spawn(spec).await.unwrap();
    let mut other = ProcessRecord::from(&orphan);
    other.name = "stranger".to_owned();
    (other.id.pid, other.id.start_time) = (std::process::id(), 1);
    let records = serde_json::to_vec(&[ProcessRecord::from(&orphan), other]).unwrap();
    std::fs::write(folder.join("processes.json"), records).unwrap();

    let (instance, _events) = bench.up("next").await;
    let ended = tokio::time::timeout(Duration::from_secs(5), orphan.wait()).await;
    assert!(ended.is_ok(), "the orphan lives on");
    assert!(!folder.exists(), "the ephemeral folder of the dead run is left");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_the_command_line_get_suggestions() {
    let bench = Bench::new(SHOP);
    let (mut options, _events) = bench.options("shop");
    options.without = vec!["politness".to_owned()];
    let error = bench.provision(options).await.unwrap_err().to_string();
    assert_eq!(error, "`politness` is no tactic of shop; did you mean `politeness`?");
    let (options, _events) = bench.options("../etc");
    let error = bench.provision(options).await.unwrap_err();
    assert!(matches!(error, ProvisionError::Name { .. }), "{error}");
}
