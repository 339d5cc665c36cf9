//! A database that somebody starts behind its watchdog's back.

use standfast_failover::actuator::wire::Answer;
use standfast_lab::fault::{Fault, FaultError, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, ProcessState};

use crate::instance_actuator::{bench, fence, run};
use crate::instance_bench::state;

const WRITE: &str = "INSERT INTO kept VALUES (1)";

async fn start_by_hand(instance: &Instance) -> Result<String, FaultError> {
    let start = Fault::new(FaultKind::StartByHand, "orders-a");
    let injected = instance.inject(&start, Hold::No).await?;
    let evidence = injected.evidence.text.clone();
    instance.heal(injected).await?;
    Ok(evidence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_started_by_hand_is_what_its_folder_says() {
    let bench = bench();
    let (instance, _events) = bench.up("orders").await;
    let url = instance.admin_url("orders-a").unwrap();
    let refused = start_by_hand(&instance).await.unwrap_err().to_string();
    assert!(refused.contains("had no effect: it runs already"), "{refused}");

    // Nobody fenced it, so that it is the primary that it was; that it was held down is over.
    let kill = Fault::new(FaultKind::Kill, "orders-a");
    let killed = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    assert_eq!(start_by_hand(&instance).await.unwrap(), "it runs again, as a primary");
    run(url, WRITE).await.unwrap();
    instance.heal(killed).await.unwrap();

    let killed = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    assert!(matches!(fence(&instance, "orders-a").await, Answer::Fenced { .. }));
    assert_eq!(start_by_hand(&instance).await.unwrap(), "it runs again, as a fenced server");
    assert_eq!(state(&instance, "orders-a"), ProcessState::Ready);
    let refused = run(url, WRITE).await.unwrap_err();
    let refused = refused.as_db_error().map(|error| error.message().to_owned());
    let read_only = "cannot execute INSERT in a read-only transaction";
    assert_eq!(refused.as_deref(), Some(read_only));
    instance.heal(killed).await.unwrap();
    instance.shutdown(Data::Delete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_keeps_down_is_not_started_by_hand() {
    let bench = bench();
    let (instance, _events) = bench.up("orders").await;
    let inject = async |target: &str| {
        let start = Fault::new(FaultKind::StartByHand, target);
        instance.inject(&start, Hold::No).await.map(drop).unwrap_err().to_string()
    };
    assert_eq!(
        inject("orders-proxy").await,
        "cannot start_by_hand `orders-proxy`: nobody keeps it down: it has no `managed_by`"
    );
    assert_eq!(
        inject("watchdog").await,
        "cannot start_by_hand `watchdog`: only a database can be started behind a watchdog's back"
    );
    instance.shutdown(Data::Delete).await.unwrap();
}

/// The watchdog of this test does nothing. This takes as long as the lab waits for one.
#[tokio::test(flavor = "multi_thread")]
async fn what_its_watchdog_does_not_bring_back_is_left_down_and_no_fault_is_left() {
    let bench = bench();
    let (instance, _events) = bench.up("orders").await;
    let kill = Fault::new(FaultKind::Kill, "orders-b");
    let killed = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    let healed = instance.heal(killed).await.unwrap();
    assert!(!healed.is_back);
    assert_eq!(state(&instance, "orders-b"), ProcessState::Stopped);
    assert_eq!(instance.active_faults(), []);
    instance.shutdown(Data::Delete).await.unwrap();
}
