//! What goes on beside requests: the ledger's database is watched, replicas are made acquaintance
//! with, and those that are accused get the occasion to prove themselves.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use rand::RngExt;
use standfast_tactics::deadline::Deadline;
use time::macros::date;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::wire::{Currency, Hex, Quote};
use super::desk::Desk;
use super::ledger;
use super::voting::Purpose;
use crate::service::database::{CallError, Session};

/// How soon a replica that has not introduced itself is asked again.
const ACQUAINTANCE_AGAIN: Duration = Duration::from_millis(100);

/// What an introduction, or a look at the database, may take.
const CALL_TIME_MAX: Duration = Duration::from_millis(500);

/// How often an idle database is asked, so that one that hangs is found without a client.
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Starts what goes on beside requests, for as long as the set lives.
pub(super) fn start(desk: &Arc<Desk>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_database(Arc::clone(desk)));
    tasks.spawn(get_acquainted(Arc::clone(desk)));
    if desk.collector.settings.has_voting {
        tasks.spawn(give_occasions(Arc::clone(desk)));
    }
    tasks
}

/// Requests are refused at once while no session of this task is up.
async fn watch_database(desk: Arc<Desk>) {
    loop {
        let mut session = desk.database.session().await;
        if let Err(error) = probe(&session).await {
            tracing::debug!(%error, "the database is not there yet");
            sleep(ACQUAINTANCE_AGAIN).await;
            continue;
        }
        desk.database.writer_came();
        let error = loop {
            tokio::select! {
                () = session.ended() => break CallError::Closed,
                () = sleep(PROBE_EVERY) => {}
            }
            if let Err(error) = probe(&session).await {
                break error;
            }
        };
        desk.database.writer_went(&error);
    }
}

async fn probe(session: &Session) -> Result<(), CallError> {
    let soon = Deadline::after(Instant::now(), CALL_TIME_MAX);
    crate::service::database::within(soon, session.client().batch_execute("")).await
}

/// Whoever introduces himself first under a name is known by that key for good: the ledger keeps
/// it.
async fn get_acquainted(desk: Arc<Desk>) {
    let replicas = &desk.collector.replicas;
    while !replicas.iter().all(|replica| replica.is_known()) {
        let mut new = Vec::new();
        for replica in replicas.iter().filter(|replica| !replica.is_known()) {
            let soon = Deadline::after(Instant::now(), CALL_TIME_MAX);
            if let Some(said) = replica.introduction(soon).await {
                new.push((replica.name.clone(), said.public_key));
            }
        }
        let soon = Deadline::after(Instant::now(), CALL_TIME_MAX);
        match ledger::pin(&desk.database, &new, soon).await {
            Ok(pinned) => know(&desk, &pinned),
            Err(_) => tracing::debug!("the ledger cannot keep keys yet"),
        }
        sleep(ACQUAINTANCE_AGAIN).await;
    }
    tracing::info!("all replicas are known by their keys");
}

fn know(desk: &Desk, pinned: &[(String, Hex<32>)]) {
    for replica in &desk.collector.replicas {
        let pinned = pinned.iter().find(|(name, _)| *name == replica.name);
        let key = pinned.map(|(_, key)| VerifyingKey::from_bytes(&key.0));
        match key {
            Some(Ok(key)) => replica.know(key),
            Some(Err(error)) => {
                tracing::error!(%error, replica = replica.name, "its key in the ledger is none");
            }
            None => {}
        }
    }
}

/// Clients may not come for a while, or be refused because too many replicas are accused.
async fn give_occasions(desk: Arc<Desk>) {
    let collector = &desk.collector;
    loop {
        sleep(collector.settings.probation_period).await;
        if !collector.roster().is_anybody_accused() {
            continue;
        }
        let deadline = Deadline::after(Instant::now(), collector.settings.vote_timeout);
        if let Err(error) = collector.hold(sample(), deadline, Purpose::Probation).await {
            tracing::debug!(%error, "a vote on probation was undecided");
        }
    }
}

/// A quote like any other, so that nobody can behave while he is watched.
fn sample() -> Quote {
    let mut random = rand::rng();
    let nights = random.random_range(1..=7);
    Quote {
        reservation_id: Uuid::now_v7(),
        offer_id: Uuid::now_v7(),
        check_in: date!(2027 - 03 - 01),
        price_cents: random.random_range(3_000..=40_000),
        night_percents: (0..nights).map(|_| random.random_range(80..=160)).collect(),
        tax_permille: random.random_range(0..=100),
        currency: Currency::EUR,
    }
}
