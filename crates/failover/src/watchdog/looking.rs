//! New connections to a server, one after the other and overlapping: what a client would meet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::clock::Clock;
use crate::core::{Input, NodeId, Seen, Sighting};
use crate::database::Database;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A server that needs longer for a connection and one question counts as silent. Three looks in a
/// row then take 1.25 s, in which an overloaded machine may well answer one.
const ANSWER_WITHIN: Duration = Duration::from_millis(750);

/// More looks than this are never under way at one server.
const LOOKS_MAX: usize = 4;

pub(super) async fn look_always(
    node: NodeId,
    database: Arc<dyn Database>,
    clock: Clock,
    inputs: Sender<Input>,
) {
    let mut looks = JoinSet::new();
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick(), if looks.len() < LOOKS_MAX => {
                looks.spawn(look(node, Arc::clone(&database), clock, inputs.clone()));
            }
            Some(_ended) = looks.join_next() => {}
        }
    }
}

/// One look, told to the core.
pub(super) async fn look(
    node: NodeId,
    database: Arc<dyn Database>,
    clock: Clock,
    inputs: Sender<Input>,
) {
    let began = clock.now();
    let answer = timeout(ANSWER_WITHIN, async {
        let mut session = database.connect().await?;
        session.report().await
    });
    let seen = match answer.await {
        Ok(Ok(report)) => Seen::Answered(report),
        Ok(Err(error)) => error.seen(),
        Err(_elapsed) => Seen::TimedOut,
    };
    let sighting = Sighting { began, seen };
    drop(inputs.send(Input::Seen { node, sighting }).await);
}
