//! Faults on real processes: in effect when they say so, held while they last, healed at the end.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_lab::fault::{Fault, FaultError, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, ProcessState};

use crate::instance_bench::{Bench, SHOP, get, state, wait_until};

fn fault(kind: FaultKind, target: &str) -> Fault {
    Fault::new(kind, target)
}

/// Longer than the supervisor's first pauses: whoever is not held is back by then.
const LONG_ENOUGH: Duration = Duration::from_millis(800);

async fn fill_cache(instance: &Instance) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let url = instance.url("cache").unwrap();
    let (password, address) = url.strip_prefix("redis://:").unwrap().split_once('@').unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("AUTH {password}\r\nSET key value\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n+OK\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_or_killed_target_stays_away_until_it_is_healed() {
    let bench = Bench::new(SHOP);
    let (instance, mut events) = bench.up("shop").await;
    for (kind, target) in
        [(FaultKind::Stop, "web"), (FaultKind::Kill, "web"), (FaultKind::Stop, "cache")]
    {
        let before = instance.pid(target);
        let injected = instance.inject(&fault(kind, target), Hold::UntilHealed).await.unwrap();
        assert_eq!(injected.evidence.pid, before);
        assert!(injected.evidence.text.contains("refuses"), "{}", injected.evidence.text);
        assert_eq!((instance.pid(target), state(&instance, target)), (None, ProcessState::Stopped));
        tokio::time::sleep(LONG_ENOUGH).await;
        assert_eq!(instance.pid(target), None, "the supervisor must not bring it back");
        let again = instance.inject(&fault(kind, target), Hold::UntilHealed).await.unwrap_err();
        assert!(matches!(again, FaultError::AlreadyHeld { .. }), "{again}");
        assert_eq!(instance.active_faults(), [fault(kind, target)]);
        instance.heal(injected).await.unwrap();
        assert_eq!(state(&instance, target), ProcessState::Ready);
        assert!(instance.active_faults().is_empty());
    }
    let seen = events.about("web");
    let expected = [
        "ready",
        "injecting",
        "injected",
        "injecting",
        "not_injected",
        "healing",
        "ready",
        "healed",
    ];
    assert_eq!(seen[..8], expected);
    assert!(!seen.contains(&"restarted".to_owned()), "{seen:?}");
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_is_not_held_is_healed_by_the_supervisor() {
    let bench = Bench::new(SHOP);
    let (instance, mut events) = bench.up("shop").await;
    let before = instance.pid("web");
    let injected = instance.inject(&fault(FaultKind::Kill, "web"), Hold::No).await.unwrap();
    events.wait("restarted", "web").await;
    instance.heal(injected).await.unwrap();
    assert_ne!(instance.pid("web"), before);
    assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_target_takes_connections_and_does_not_answer() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    let before = instance.pid("web");
    let injected = instance.inject(&fault(FaultKind::Pause, "web"), Hold::No).await.unwrap();
    assert!(injected.evidence.text.contains("stopped"), "{}", injected.evidence.text);
    assert_eq!(state(&instance, "web"), ProcessState::Paused);
    assert_eq!(get(&instance, "/").await, None, "it hangs");
    instance.heal(injected).await.unwrap();
    assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
    assert_eq!(instance.pid("web"), before, "it is the same process");
    let injected = instance.inject(&fault(FaultKind::Pause, "cache"), Hold::No).await.unwrap();
    instance.heal(injected).await.unwrap();
    assert_eq!(state(&instance, "cache"), ProcessState::Ready);
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_gives_a_new_process_that_is_ready() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    for target in ["web", "cache"] {
        let before = instance.pid(target);
        let injected = instance.inject(&fault(FaultKind::Restart, target), Hold::No).await.unwrap();
        instance.heal(injected).await.unwrap();
        assert_ne!(instance.pid(target), before);
        assert_eq!(state(&instance, target), ProcessState::Ready);
    }
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_of_nothing_has_no_effect_and_says_so() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    let flush = fault(FaultKind::Flush, "cache");
    let error = instance.inject(&flush, Hold::No).await.unwrap_err();
    assert!(matches!(error, FaultError::NoEffect { .. }), "{error}");
    fill_cache(&instance).await;
    let injected = instance.inject(&flush, Hold::No).await.unwrap();
    assert_eq!(injected.evidence.text, "1 keys are gone");
    instance.heal(injected).await.unwrap();
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_cannot_be_done_is_refused() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    let inject = async |kind, target| {
        instance.inject(&fault(kind, target), Hold::No).await.unwrap_err().to_string()
    };
    assert!(inject(FaultKind::Stop, "wbe").await.contains("did you mean `web`?"));
    assert!(inject(FaultKind::Flush, "web").await.contains("only a cache can be flushed"));
    instance.stop("web").await.unwrap();
    assert!(inject(FaultKind::Kill, "web").await.contains("it is not running"));
    instance.start("web").await.unwrap();
    assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_nobody_holds_any_more_heals_itself() {
    let bench = Bench::new(SHOP);
    let (instance, _events) = bench.up("shop").await;
    let injected =
        instance.inject(&fault(FaultKind::Stop, "web"), Hold::UntilHealed).await.unwrap();
    drop(injected);
    wait_until("it is back", async || state(&instance, "web") == ProcessState::Ready).await;
    let left = instance.inject(&fault(FaultKind::Stop, "web"), Hold::UntilHealed).await.unwrap();
    left.leave();
    instance.heal_all().await.unwrap();
    assert_eq!(state(&instance, "web"), ProcessState::Ready);
    instance.shutdown(Data::Delete).await.unwrap();
}
