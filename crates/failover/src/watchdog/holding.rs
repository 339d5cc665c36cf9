//! A connection that is held to a server: its end is the first sign of death, and it carries news
//! more often than new connections could, and a tiny write each second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::Reign;
use super::clock::Clock;
use crate::core::{Input, NodeId, Seen, Sighting};
use crate::database::{Database, Session};

const NEWS_EVERY: Duration = Duration::from_millis(50);
/// While clients wait for what the news bring.
const NEWS_IN_A_HURRY_EVERY: Duration = Duration::from_millis(10);
const BEAT_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_millis(1000);
/// Before the next try to hold a connection.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn hold_always(
    node: NodeId,
    database: Arc<dyn Database>,
    clock: Clock,
    inputs: Sender<Input>,
    reigns: watch::Receiver<Reign>,
) {
    loop {
        if let Ok(Ok(session)) = timeout(ANSWER_WITHIN, database.connect()).await {
            let ending = hold(node, session, clock, &inputs, &reigns).await;
            if ending == Ending::Lost {
                drop(inputs.send(Input::Lost { node }).await);
            }
        }
        sleep(PAUSE).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The other side ended it.
    Lost,
    /// It gave no answer, or one that cannot be used: another connection may do better.
    Silent,
}

async fn hold(
    node: NodeId,
    mut session: Box<dyn Session>,
    clock: Clock,
    inputs: &Sender<Input>,
    reigns: &watch::Receiver<Reign>,
) -> Ending {
    let mut reigns = reigns.clone();
    let mut beats = interval(BEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked_at = Instant::now();
    loop {
        let is_hurried = reigns.borrow_and_update().is_draining;
        let every = if is_hurried { NEWS_IN_A_HURRY_EVERY } else { NEWS_EVERY };
        let is_beat = tokio::select! {
            () = session.ended() => return Ending::Lost,
            changed = reigns.changed() => match changed {
                Ok(()) => continue,
                Err(_the_watchdog_ends) => return Ending::Silent,
            },
            _ = beats.tick() => true,
            () = sleep_until(asked_at + every) => false,
        };
        let began = clock.now();
        if is_beat {
            let reign = *reigns.borrow();
            if !reign.is_serving || reign.primary != node || reign.epoch == 0 {
                continue;
            }
            let written = timeout(ANSWER_WITHIN, session.beat(reign.epoch)).await;
            let is_ok = matches!(written, Ok(Ok(())));
            drop(inputs.send(Input::Wrote { node, began, is_ok }).await);
            if written.is_err() {
                return Ending::Silent;
            }
            continue;
        }
        asked_at = Instant::now();
        let report = if is_hurried { session.report_with_clients() } else { session.report() };
        match timeout(ANSWER_WITHIN, report).await {
            Ok(Ok(report)) => {
                let sighting = Sighting { began, seen: Seen::Heard(report) };
                drop(inputs.send(Input::Seen { node, sighting }).await);
            }
            Ok(Err(error)) if matches!(error.seen(), Seen::Closed) => return Ending::Lost,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a held connection gave no report");
                return Ending::Silent;
            }
            Err(_elapsed) => return Ending::Silent,
        }
    }
}
