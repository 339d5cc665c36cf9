//! What the feed writes and the routes read: the state, how far it has come, and whether it may be
//! shown.

use std::sync::{Mutex, MutexGuard};

use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout_at;

use standfast_tactics::deadline::Deadline;

use super::super::log::{Entry, Event, Kind, Outcome, Record, Refusal, Reply, Topic};
use super::metrics::{Metrics, Reading};
use super::settings::Settings;
use super::state::{BEFORE_LOG, Product, Stock, Unusable, Verdict};
use crate::service::events;

/// One replica.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    stock: Mutex<Stock>,
    /// As in the state, for those who wait for it.
    applied: watch::Sender<i64>,
    caught_up: watch::Sender<bool>,
}

/// A product as clients see it.
#[derive(Debug, Serialize)]
pub(super) struct ProductView<'a> {
    pub(super) product_id: &'a str,
    pub(super) stock: u32,
    pub(super) version: i64,
}

impl Replica {
    pub(super) fn new(settings: Settings) -> Self {
        let stock = Mutex::new(Stock::new(settings.initial, settings.inbox));
        let (applied, _) = watch::channel(BEFORE_LOG);
        let (caught_up, _) = watch::channel(!settings.answers_when_caught_up);
        Self { settings, metrics: Metrics::new(), stock, applied, caught_up }
    }

    /// The name that replies carry.
    pub(super) fn name(&self) -> &str {
        &self.settings.replica
    }

    /// Whether queries are answered.
    pub(super) fn is_caught_up(&self) -> bool {
        *self.caught_up.borrow()
    }

    pub(super) fn reading(&self) -> Reading {
        Reading { applied: self.stock().applied(), is_caught_up: self.is_caught_up() }
    }

    /// The state, which nobody holds across a wait.
    pub(super) fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().expect("nothing panics while it is held")
    }

    /// A product, and up to where the log is applied.
    pub(super) fn product(&self, name: &str) -> Option<(Product, i64)> {
        let stock = self.stock();
        stock.product(name).map(|product| (product, stock.applied()))
    }

    /// Waits until the record at `offset` is applied. Whether it is, when `deadline` comes.
    pub(super) async fn wait_for(&self, offset: i64, deadline: Deadline) -> bool {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|applied| *applied >= offset);
        timeout_at(deadline.instant(), reached).await.is_ok()
    }

    /// Begins again from `stock`.
    pub(super) fn replace(&self, stock: Stock) {
        self.applied.send_replace(stock.applied());
        *self.stock() = stock;
        self.caught_up.send_replace(!self.settings.answers_when_caught_up);
    }

    /// The log is applied to where it ended at the start.
    pub(super) fn has_caught_up(&self) {
        if !self.caught_up.send_replace(true) {
            let applied = self.stock().applied();
            tracing::info!(applied, "caught up");
            let fields = json!({ "state": "caught_up", "applied_offset": applied });
            events::report("state", self.name(), fields);
        }
    }

    /// Applies `record`; answers what the log is to be told of it.
    pub(super) fn apply(&self, record: &Record) -> Vec<Entry> {
        let offset = record.offset;
        let Ok(event) = serde_json::from_slice::<Event>(&record.payload) else {
            self.stock().skip(offset);
            self.applied.send_replace(offset);
            return vec![self.refuse(record, "it is no event", offset.to_string())];
        };
        let result = self.stock().apply(offset, &event);
        self.applied.send_replace(offset);
        match result {
            Ok(verdict) => {
                self.metrics.applied(verdict.outcome);
                vec![self.reply(offset, &event, verdict)]
            }
            Err(unusable) => {
                let reason = unusable.to_string();
                let refusal = self.refuse(record, &reason, event.order_id.to_string());
                vec![refusal, self.reply(offset, &event, verdict_of(&event, &unusable))]
            }
        }
    }

    fn reply(&self, offset: i64, event: &Event, verdict: Verdict) -> Entry {
        let reply = Reply {
            order_id: event.order_id,
            event_id: event.event_id,
            replica: self.name().to_owned(),
            offset,
            outcome: verdict.outcome,
            reason: verdict.reason,
        };
        entry(Topic::Replies, event.order_id.to_string(), &reply)
    }

    fn refuse(&self, record: &Record, reason: &str, key: String) -> Entry {
        self.metrics.refused.inc();
        tracing::warn!(offset = record.offset, reason, "a record is refused");
        let refusal = Refusal {
            source: self.name().to_owned(),
            offset: Some(record.offset),
            reason: reason.to_owned(),
            event: Refusal::show(&record.payload),
        };
        entry(Topic::Errors, key, &refusal)
    }
}

/// What the order is told of an event that cannot be applied: it must not wait for ever.
fn verdict_of(event: &Event, unusable: &Unusable) -> Verdict {
    let outcome = match event.kind {
        Kind::Reserve => Outcome::Rejected,
        // It holds nothing, which is all that a release asks for.
        Kind::Release => Outcome::Released,
    };
    Verdict { outcome, reason: Some(unusable.to_string()) }
}

fn entry(topic: Topic, key: String, message: &impl Serialize) -> Entry {
    let payload = serde_json::to_vec(message).expect("it has string keys and plain values");
    Entry { topic, key, payload }
}

#[cfg(test)]
mod tests;
