//! An instance as other processes see it: asked, broken and ended through its socket.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::os::unix::fs::PermissionsExt;

use standfast_lab::control::{
    ControlError, LogFollower, Request, Response, connect, down, events_file, list_instances, ps,
    serve, stop_all, tail,
};
use standfast_lab::fault::{Fault, FaultKind};
use standfast_lab::instance::{Data, InstanceFolder, Network, ProcessState};
use tokio::task::JoinHandle;

use crate::instance_bench::{Bench, SHOP, is_alive, wait_until};
use crate::network_bench;

/// Brings the shop up as `standfast up` does, supervised by a task.
async fn up(bench: &Bench) -> JoinHandle<Result<(), ControlError>> {
    let (mut options, events) = bench.options("shop");
    options.ephemeral = false;
    let instance = bench.provision(options).await.unwrap();
    let folder = instance.folder().clone();
    let supervisor = tokio::spawn(serve(instance, events.into_stream(), std::future::pending()));
    wait_until("the socket is there", async || folder.control_socket().exists()).await;
    supervisor
}

async fn state(bench: &Bench, name: &str) -> ProcessState {
    let status = ps(&bench.home, "shop").await.unwrap();
    status.processes.iter().find(|process| process.name == name).unwrap().state
}

async fn request(bench: &Bench, request: Request) -> Result<Response, ControlError> {
    connect(&bench.home, "shop").await?.request(&request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_keeps_the_instance_and_down_keeps_its_data() {
    let bench = Bench::new(SHOP);
    let supervisor = up(&bench).await;
    let folder = InstanceFolder::of(&bench.home, "shop");
    let status = ps(&bench.home, "shop").await.unwrap();
    let pids: Vec<u32> = status.processes.iter().filter_map(|process| process.pid).collect();
    assert_eq!((status.supervisor, pids.len()), (Some(std::process::id()), 2));
    assert!(status.urls["web"].starts_with("http://127.0.0.1:"), "{:?}", status.urls);
    let mode = std::fs::metadata(folder.control_socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may give orders");

    stop_all(&bench.home, "shop").await.unwrap();
    supervisor.await.unwrap().unwrap();
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    let listed = list_instances(&bench.home);
    assert!(listed.len() == 1 && !listed[0].is_running && listed[0].record.is_some());
    assert_eq!(state(&bench, "web").await, ProcessState::Stopped);
    let error = connect(&bench.home, "shop").await.unwrap_err();
    assert!(matches!(error, ControlError::NotRunning { .. }), "{error}");

    let supervisor = up(&bench).await;
    std::fs::write(folder.data("web").join("kept"), "data").unwrap();
    down(&bench.home, "shop", Data::Keep).await.unwrap();
    supervisor.await.unwrap().unwrap();
    assert!(folder.data("web").join("kept").exists());
    assert!(list_instances(&bench.home)[0].record.is_none(), "only its data is left");

    down(&bench.home, "shop", Data::Delete).await.unwrap();
    assert!(!folder.root().exists());
    let error = down(&bench.home, "shop", Data::Delete).await.unwrap_err();
    assert!(matches!(error, ControlError::NoInstance { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_stopped_and_started_one_by_one() {
    let bench = Bench::new(SHOP);
    let supervisor = up(&bench).await;
    request(&bench, Request::Stop { name: "web".to_owned() }).await.unwrap();
    assert_eq!(state(&bench, "web").await, ProcessState::Stopped);
    assert_eq!(state(&bench, "cache").await, ProcessState::Ready);
    request(&bench, Request::Start { name: None }).await.unwrap();
    assert_eq!(state(&bench, "web").await, ProcessState::Ready);
    request(&bench, Request::Restart { name: None }).await.unwrap();
    assert_eq!(state(&bench, "web").await, ProcessState::Ready);
    let wrong = Request::Stop { name: "wbe".to_owned() };
    let error = request(&bench, wrong).await.unwrap_err().to_string();
    assert_eq!(error, "`wbe` is no process of shop; did you mean `web`?");
    down(&bench.home, "shop", Data::Delete).await.unwrap();
    supervisor.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_lasts_until_its_time_is_over_or_it_is_cleared() {
    let bench = Bench::new(SHOP);
    let supervisor = up(&bench).await;
    let stop = Fault::new(FaultKind::Stop, "web");
    let inject = |for_ms| Request::InjectFault { fault: stop.clone(), for_ms, is_held: false };

    let Response::Done { evidence } = request(&bench, inject(Some(700))).await.unwrap() else {
        panic!("an injection answers what was seen");
    };
    assert!(evidence.unwrap().contains("the process is gone"));
    let Response::Faults { faults } = request(&bench, Request::FaultStatus).await.unwrap() else {
        panic!("a status answers the faults");
    };
    assert!(faults[0].fault == stop && faults[0].heals_in_ms <= Some(700), "{faults:?}");
    wait_until("its time is over", async || state(&bench, "web").await == ProcessState::Ready)
        .await;

    request(&bench, inject(None)).await.unwrap();
    assert_eq!(state(&bench, "web").await, ProcessState::Stopped);
    let start = Request::Start { name: Some("web".to_owned()) };
    let error = request(&bench, start).await.unwrap_err().to_string();
    assert!(error.contains("held by the fault `stop`"), "{error}");
    request(&bench, Request::ClearFaults { target: None }).await.unwrap();
    assert_eq!(state(&bench, "web").await, ProcessState::Ready);

    let folder = InstanceFolder::of(&bench.home, "shop");
    let events = std::fs::read_to_string(events_file(&folder)).unwrap();
    assert_eq!(events.matches("\"event\":\"injected\"").count(), 2, "{events}");
    down(&bench.home, "shop", Data::Delete).await.unwrap();
    supervisor.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_one_link_are_cleared_and_end_each_by_itself() {
    let bench = network_bench::bench();
    let (mut options, events) = bench.options("shop");
    (options.network, options.ephemeral) = (Network::All, false);
    let instance = bench.provision(options).await.unwrap();
    let socket = instance.folder().control_socket();
    let supervisor = tokio::spawn(serve(instance, events.into_stream(), std::future::pending()));
    wait_until("the socket is there", async || socket.exists()).await;
    let faults = async || {
        let response = request(&bench, Request::FaultStatus).await.unwrap();
        let Response::Faults { faults } = response else { panic!("{response:?}") };
        faults
    };
    let inject =
        |fault, for_ms| request(&bench, Request::InjectFault { fault, for_ms, is_held: false });

    let slow = network_bench::latency("web:cache", "100ms");
    inject(slow.clone(), Some(60_000)).await.unwrap();
    inject(network_bench::cut("web:cache"), Some(500)).await.unwrap();
    inject(network_bench::cut("gate:cache"), None).await.unwrap();
    assert_eq!(faults().await.len(), 3);
    wait_until("the time of the cut is over", async || faults().await.len() == 2).await;
    let left = faults().await;
    assert_eq!(left[0].fault, slow, "the latency of the same link goes on");
    assert!(left[0].heals_in_ms > Some(1000), "and ends when it is to end: {left:?}");

    let target = Some("gate:cache".to_owned());
    request(&bench, Request::ClearFaults { target }).await.unwrap();
    assert_eq!(faults().await.len(), 1);
    request(&bench, Request::ClearFaults { target: None }).await.unwrap();
    assert!(faults().await.is_empty());
    let status = ps(&bench.home, "shop").await.unwrap();
    assert!(status.links.len() == 3 && status.links.iter().all(|link| link.faults.is_empty()));
    down(&bench.home, "shop", Data::Delete).await.unwrap();
    supervisor.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_shown_and_followed() {
    let bench = Bench::new(SHOP);
    let supervisor = up(&bench).await;
    let folder = InstanceFolder::of(&bench.home, "shop");
    let lines = tail(&folder, Some("web"), 10);
    assert!(lines.iter().any(|line| line.process == "web" && line.text == "plain words"));
    let mut follower = LogFollower::new(&folder, None);
    request(&bench, Request::Restart { name: Some("web".to_owned()) }).await.unwrap();
    let mut seen = Vec::new();
    while !seen.iter().any(|text| text == "plain words") {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), follower.next());
        seen.extend(next.await.expect("more is written").into_iter().map(|line| line.text));
    }
    down(&bench.home, "shop", Data::Delete).await.unwrap();
    supervisor.await.unwrap().unwrap();
}
