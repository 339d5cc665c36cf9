//! Brings the log to the state, and keeps snapshots of it on the way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::super::log::{Bounds, Entry, Item, LogError, LogReader, Survey, Topic, ensure_topics};
use super::outgoing::Outgoing;
use super::replica::Replica;
use super::snapshot::{Identity, decode, encode};
use super::state::Stock;
use super::store::Store;
use crate::service::events;

/// How soon a log that does not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What the last snapshot may take at a stop.
const LAST_SNAPSHOT_TIME_MAX: Duration = Duration::from_secs(2);

/// The one that applies.
#[derive(Debug)]
pub(super) struct Feed {
    replica: Arc<Replica>,
    outgoing: Outgoing,
    survey: Survey,
    /// Told, but not yet handed over.
    unsent: VecDeque<Entry>,
    since_snapshot: usize,
    saving: Option<JoinHandle<()>>,
}

/// Where the log stands when a replica begins.
#[derive(Debug)]
struct Beginning {
    identity: Identity,
    bounds: Bounds,
}

impl Feed {
    pub(super) fn new(replica: Arc<Replica>, outgoing: Outgoing, survey: Survey) -> Self {
        let unsent = VecDeque::new();
        Self { replica, outgoing, survey, unsent, since_snapshot: 0, saving: None }
    }

    /// Applies what is in the log until `stopped` completes; then keeps a last snapshot.
    pub(super) async fn run(mut self, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        loop {
            let beginning = tokio::select! {
                beginning = self.look() => beginning,
                () = &mut stopped => return,
            };
            let Some((mut reader, beginning)) = self.begin(beginning).await else {
                tokio::select! {
                    () = sleep(ASK_AGAIN) => continue,
                    () = &mut stopped => return,
                }
            };
            let (replica, survey) = (Arc::clone(&self.replica), self.survey.clone());
            let read = || replica.stock().applied() + 1;
            let watch = survey.watch(Topic::Orders, read, |end| replica.metrics.saw_end(end));
            let lost = tokio::select! {
                lost = self.follow(&mut reader, &beginning) => lost,
                lost = watch => lost,
                () = &mut stopped => return self.finish(&beginning.identity).await,
            };
            // The log is not the one that it was: what is known of it is worth nothing.
            tracing::error!(error = %lost, "begins again");
            let reason = lost.to_string();
            events::report(
                "state",
                self.replica.name(),
                json!({ "state": "lost", "reason": reason }),
            );
        }
    }

    /// Waits until the log answers.
    async fn look(&self) -> Beginning {
        let settings = &self.replica.settings;
        loop {
            match self.ask().await {
                Ok((log, bounds)) => {
                    let identity = Identity { log, initial: settings.initial };
                    return Beginning { identity, bounds };
                }
                Err(error) => tracing::debug!(%error, "the log is asked again"),
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn ask(&self) -> Result<(String, Bounds), LogError> {
        ensure_topics(&self.replica.settings.log).await?;
        let bounds = self.survey.bounds(Topic::Orders).await?;
        Ok((self.survey.cluster().await.unwrap_or_default(), bounds))
    }

    /// Restores what can be restored, and opens the log behind it.
    async fn begin(&mut self, beginning: Beginning) -> Option<(LogReader, Beginning)> {
        let settings = &self.replica.settings;
        let Bounds { first, end } = beginning.bounds;
        self.replica.metrics.saw_end(end);
        let stock = match self.restore(&beginning).await {
            Some(stock) => stock,
            None if first > 0 => {
                tracing::error!(first, "the log's beginning is gone, and there is no snapshot");
                return None;
            }
            None => Stock::new(settings.initial, settings.inbox),
        };
        let from = stock.applied() + 1;
        let (name, fields) =
            (self.replica.name(), json!({ "state": "replaying", "from": from, "to": end }));
        events::report("state", name, fields);
        tracing::info!(from, end, "replays the log");
        self.unsent.clear();
        self.since_snapshot = 0;
        self.replica.replace(stock);
        match LogReader::start(&settings.log, Topic::Orders, from) {
            Ok(reader) => Some((reader, beginning)),
            Err(error) => {
                tracing::error!(%error, "the log cannot be read");
                None
            }
        }
    }

    /// The state of the snapshot, if there is one that fits the log.
    async fn restore(&self, beginning: &Beginning) -> Option<Stock> {
        let settings = &self.replica.settings;
        let store = Store::new(settings.snapshot_dir.as_deref()?);
        let (identity, inbox) = (beginning.identity.clone(), settings.inbox);
        let Bounds { first, end } = beginning.bounds;
        let restored = spawn_blocking(move || {
            let bytes = match store.read() {
                Ok(bytes) => bytes?,
                Err(error) => return Some(Err(error.to_string())),
            };
            Some(decode(&identity, inbox, &bytes).map_err(|error| error.to_string()))
        });
        let restored = restored.await.expect("decoding checks what it reads")?;
        let fitting = restored.and_then(|stock| match stock.applied() + 1 {
            next if next > end => Err(format!("it is at {next}, and the log ends at {end}")),
            next if next < first => Err(format!("it is at {next}, and the log begins at {first}")),
            _ => Ok(stock),
        });
        fitting
            .inspect_err(|reason| {
                tracing::warn!(reason, "the snapshot is ignored");
                let fields = json!({ "state": "snapshot_ignored", "reason": reason });
                events::report("state", self.replica.name(), fields);
            })
            .ok()
    }

    /// Applies records as they come; ends only when the log has lost some.
    async fn follow(&mut self, reader: &mut LogReader, beginning: &Beginning) -> LogError {
        let end = beginning.bounds.end;
        loop {
            // Nothing is awaited between a record and its place in `unsent`, so that a stop at any
            // point leaves the two in agreement.
            while !self.unsent.is_empty() {
                self.outgoing.send_first(&mut self.unsent).await;
            }
            if self.since_snapshot >= self.replica.settings.snapshot_every {
                self.save(&beginning.identity);
            }
            if !self.replica.is_caught_up() && self.replica.stock().has_applied(end - 1) {
                self.replica.has_caught_up();
            }
            match reader.next().await {
                Ok(Item::Record(record)) if self.replica.stock().has_applied(record.offset) => {}
                Ok(Item::Record(record)) => {
                    self.unsent.extend(self.replica.apply(&record));
                    self.since_snapshot += 1;
                }
                Ok(Item::End) => self.replica.has_caught_up(),
                Err(error) => return error,
            }
        }
    }

    /// Keeps a snapshot beside the work, unless one is being kept.
    fn save(&mut self, identity: &Identity) {
        let Some(dir) = self.replica.settings.snapshot_dir.as_deref() else { return };
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.since_snapshot = 0;
        let bytes = encode(identity, &self.replica.stock());
        let (store, outgoing) = (Store::new(dir), self.outgoing.clone());
        let replica = Arc::clone(&self.replica);
        self.saving = Some(tokio::spawn(keep(replica, outgoing, store, bytes)));
    }

    /// Keeps the last snapshot.
    async fn finish(mut self, identity: &Identity) {
        let work = async {
            while !self.unsent.is_empty() {
                self.outgoing.send_first(&mut self.unsent).await;
            }
            if let Some(saving) = self.saving.take() {
                drop(saving.await);
            }
            self.save(identity);
            if let Some(saving) = self.saving.take() {
                drop(saving.await);
            }
        };
        if timeout(LAST_SNAPSHOT_TIME_MAX, work).await.is_err() {
            tracing::warn!("no last snapshot: the log does not take the replies");
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(saving) = self.saving.take() {
            saving.abort();
        }
    }
}

/// Writes `bytes` to `store` when all that was told before them is in the log.
async fn keep(replica: Arc<Replica>, outgoing: Outgoing, store: Store, bytes: Vec<u8>) {
    if !outgoing.told().await {
        return;
    }
    let written = spawn_blocking(move || store.write(&bytes)).await;
    match written.expect("writing a file does not panic") {
        Ok(()) => {
            replica.metrics.snapshots.inc();
        }
        // It tries again at the next occasion; until then the one before is good.
        Err(error) => tracing::error!(%error, "a snapshot could not be kept"),
    }
}
