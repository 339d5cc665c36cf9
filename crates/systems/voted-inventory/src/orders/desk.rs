//! What all parts of the service share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::super::log::{Entry, LogWriter, Topic};
use super::database::{Database, Names};
use super::metrics::Metrics;
use super::placing::{NewOrder, Placing};
use super::settings::Settings;

/// Where orders are taken, and what is behind it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) database: Database,
    pub(super) placing: Placing,
    pub(super) metrics: Metrics,
    pub(super) writer: LogWriter,
    /// There is something in the outbox.
    committed: Notify,
}

impl Desk {
    pub(super) fn new(settings: Settings, writer: LogWriter, placing: Placing) -> Self {
        let names = Names { target: "postgres", by: "orders" };
        let database = Database::new(settings.postgres.clone(), names);
        let (metrics, committed) = (Metrics::new(), Notify::new());
        Self { settings, database, placing, metrics, writer, committed }
    }

    pub(super) fn wake_publisher(&self) {
        self.committed.notify_one();
    }

    /// Waits for a commit, and not longer than the poll's interval.
    pub(super) async fn committed(&self, poll_every: Duration) {
        // Nothing is lost either way: the publisher looks at the table.
        drop(tokio::time::timeout(poll_every, self.committed.notified()).await);
    }

    /// What the control arm does in place of the outbox: sends the event, once, and hopes.
    pub(super) fn publish_directly(self: &Arc<Self>, order: &NewOrder) {
        self.send_directly(order.product_id.clone(), order.payload.clone());
    }

    /// The same for any event.
    pub(super) fn send_directly(self: &Arc<Self>, key: String, payload: String) {
        let entry = Entry { topic: Topic::Orders, key, payload: payload.into_bytes() };
        match self.writer.append(&entry) {
            Ok(appending) => {
                let desk = Arc::clone(self);
                // It ends by the writer's own deadline.
                drop(tokio::spawn(async move {
                    if appending.await.is_err() {
                        desk.metrics.lost.inc();
                    }
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "an event is lost");
                self.metrics.lost.inc();
            }
        }
    }
}
