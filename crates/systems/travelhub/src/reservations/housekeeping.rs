//! What is to be done now and then, on a session of its own: holds that have ended, keys that
//! nobody will use again, entries that all have read.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, sleep};

use super::desk::Desk;
use super::events;
use super::writing::Write;
use crate::service::database::within;

/// How often holds are looked at that have ended.
const EXPIRE_EVERY: Duration = Duration::from_millis(500);

/// Holds that are ended at once: bookings should not wait for more.
const EXPIRED_AT_ONCE: u32 = 200;

const EXPIRING_TIME_MAX: Duration = Duration::from_secs(2);

/// Keys outlive every sensible retry by far.
const FORGET: &str = "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'";
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGETTING_TIME_MAX: Duration = Duration::from_secs(60);

/// Frees rooms that were not paid in time.
pub(super) async fn end_holds(desk: Arc<Desk>) {
    loop {
        let soon = Deadline::after(Instant::now(), EXPIRING_TIME_MAX);
        let is_more = match desk.writing.write(&expire(), None, soon).await {
            Ok(outcome) => outcome.ended == EXPIRED_AT_ONCE,
            Err(problem) => {
                tracing::debug!(?problem, "holds could not be ended");
                false
            }
        };
        if !is_more {
            sleep(EXPIRE_EVERY).await;
        }
    }
}

fn expire() -> Write {
    Write::Expire { limit: EXPIRED_AT_ONCE }
}

/// Deletes what is of no more use.
pub(super) async fn clean_up(desk: Arc<Desk>) {
    loop {
        let session = desk.database.session().await;
        let forgetting = async {
            loop {
                let soon = Deadline::after(Instant::now(), FORGETTING_TIME_MAX);
                if let Err(error) = within(soon, session.client().execute(FORGET, &[])).await {
                    tracing::warn!(%error, "old keys could not be forgotten");
                    return;
                }
                sleep(FORGET_EVERY).await;
            }
        };
        tokio::select! {
            () = forgetting => {}
            () = events::delete_read(&desk, &session) => {}
        }
        sleep(EXPIRE_EVERY).await;
    }
}
