//! A replica that was killed begins anew at its last restart point, and answers while it replays
//! the log from there: for a moment it shows the past. No client may see that.

use std::time::Duration;

use standfast_engines::process::{ProcessId, Signal};
use standfast_engines::wait_until;
use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::{Clock, Data};

use crate::http;
use crate::place::Place;
use crate::system::{cache_fallback, connect};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many that some are asked for while the replica still replays.
const OFFERS: std::ops::Range<u32> = 1..300;

/// Some ninety megabytes of log, which take half a second to replay and are less than what makes
/// PostgreSQL take a checkpoint.
const WORK: &str = "UPDATE offers SET updated_at = updated_at \
                    WHERE id IN (SELECT id FROM offers ORDER BY id DESC LIMIT 60000)";
const WORK_TIMES: u32 = 4;

const RENAMED: &str =
    r#"{"name":"New","stars":4,"guests":4,"price_cents":4711,"currency":"EUR","amenities":[]}"#;

fn path(offer: u32) -> String {
    format!("/offers/01935b00-0000-7000-8000-1{offer:011}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_killed_shows_no_client_the_past() {
    let place = Place::alone().await;
    let (instance, _events) = cache_fallback(&place, &[], &Clock::started()).await;
    let port = instance.endpoint("offers").unwrap().port();
    let primary = connect(&instance, "primary").await.unwrap();
    for _ in 0..WORK_TIMES {
        primary.batch_execute(WORK).await.unwrap();
    }
    for offer in OFFERS {
        let written = http::put(port, &path(offer), RENAMED).await.unwrap();
        assert_eq!(written.status, 200, "{}", written.body);
    }
    let replica = connect(&instance, "replica").await.unwrap();
    let shown = wait_until(PATIENCE, || async {
        let count = "SELECT count(*) FROM offers WHERE name = 'New'";
        let count: i64 = replica.query_one(count, &[]).await.unwrap().get(0);
        (usize::try_from(count) == Ok(OFFERS.len())).then_some(())
    });
    assert!(shown.await.is_some(), "the replica has all of it");
    // By such an answer the service knows how far the replica has come.
    let is_noticed = wait_until(PATIENCE, || async {
        let answer = http::get(port, &path(OFFERS.end)).await.ok()?;
        (answer.header("x-source") == Some("database")).then_some(())
    });
    assert!(is_noticed.await.is_some());

    // Now nothing but the replica's own word says how old it is.
    let flush = Fault::new(FaultKind::Flush, "cache");
    instance.inject(&flush, Hold::No).await.unwrap().leave();
    let replica = ProcessId::of(instance.pid("replica").unwrap()).unwrap();
    assert!(replica.signal(Signal::SIGKILL));
    for offer in OFFERS {
        let answer = wait_until(PATIENCE, || async {
            http::get(port, &path(offer)).await.ok().filter(|answer| answer.status == 200)
        });
        let answer = answer.await.expect("it is restored");
        let is_marked = answer.header("x-stale") == Some("true");
        assert!(answer.json()["name"] == "New" || is_marked, "offer {offer}: {answer:?}");
    }
    instance.shutdown(Data::Delete).await.unwrap();
}
