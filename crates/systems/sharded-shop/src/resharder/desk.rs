//! What the coordinator's duty and the HTTP surface share: how each move gets on, and the catalog
//! as it is read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use standfast_reshard::catalog::Catalog;
use standfast_reshard::coordinator::{Pauses, Progress, Unreached};
use standfast_reshard::core::{Action, CopyState, Leg, Outcome};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::metrics::Metrics;
use super::settings::Settings;
use crate::service::problem::Problem;

/// A catalog that does not answer in this time is away.
const CATALOG_TIME_MAX: Duration = Duration::from_secs(3);
/// It is worth asking again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// What is seen of a move while this process works on it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Seen {
    /// Tables of which the copy is there, and all of them.
    pub(super) tables: Option<(u32, u32)>,
    /// How far behind the follower was when that was last looked at.
    pub(super) lag_ms: Option<f64>,
    /// Rows that were compared, at the last comparison.
    pub(super) rows: u64,
    pub(super) pause_ms_max: f64,
    pub(super) pauses: u32,
    /// Why it does not go on just now.
    pub(super) trouble: Option<String>,
    #[serde(skip)]
    watch: Pauses,
}

#[derive(Debug, Default)]
struct Facts {
    is_installed: bool,
    /// Why nothing goes on at all.
    trouble: Option<String>,
    /// Shards that could not be reached when they were last looked over.
    away: Vec<Unreached>,
    moves: BTreeMap<u64, Seen>,
}

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    /// Told when a move was asked for.
    pub(super) asked: Notify,
    facts: Mutex<Facts>,
    /// For questions, which come one after the other.
    catalog: tokio::sync::Mutex<Option<Catalog>>,
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            metrics: Metrics::new(),
            asked: Notify::new(),
            facts: Mutex::default(),
            catalog: tokio::sync::Mutex::default(),
        }
    }

    fn facts<T>(&self, work: impl FnOnce(&mut Facts) -> T) -> T {
        work(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn installed(&self) {
        self.facts(|facts| facts.is_installed = true);
    }

    pub(super) fn is_installed(&self) -> bool {
        self.facts(|facts| facts.is_installed)
    }

    /// Says, once, why nothing goes on; or that it does.
    pub(super) fn trouble(&self, trouble: Option<String>) {
        let is_new = self.facts(|facts| {
            let is_new = facts.trouble != trouble;
            facts.trouble.clone_from(&trouble);
            is_new
        });
        match trouble.filter(|_| is_new) {
            Some(trouble) => tracing::warn!(trouble, "no slot can be moved now"),
            None if is_new => tracing::info!("slots can be moved"),
            None => {}
        }
    }

    pub(super) fn current_trouble(&self) -> Option<String> {
        self.facts(|facts| facts.trouble.clone())
    }

    /// Says, once, which shards nothing can be done with.
    pub(super) fn away(&self, away: Vec<Unreached>) {
        self.metrics.away.set(i64::try_from(away.len()).unwrap_or(i64::MAX));
        let before = self.facts(|facts| std::mem::replace(&mut facts.away, away.clone()));
        let names = |of: &[Unreached]| of.iter().map(|one| one.shard.clone()).collect::<Vec<_>>();
        match away.as_slice() {
            away if names(away) == names(&before) => {}
            [] => tracing::info!("every shard can be reached"),
            away => tracing::warn!(?away, "moves with these shards stand still"),
        }
    }

    pub(super) fn current_away(&self) -> Vec<Unreached> {
        self.facts(|facts| facts.away.clone())
    }

    /// Why a move does not go on.
    pub(super) fn stands(&self, id: u64, reason: String) {
        self.facts(|facts| facts.moves.entry(id).or_default().trouble = Some(reason));
    }

    pub(super) fn seen(&self, id: u64) -> Seen {
        self.facts(|facts| facts.moves.get(&id).cloned().unwrap_or_default())
    }

    /// Hears of everything that the coordinator does.
    pub(super) fn watch(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Phase(record) => self.metrics.entered(record),
            Progress::Acted { record, action, outcome, took } => {
                let pause = self.facts(|facts| {
                    let seen = facts.moves.entry(record.id).or_default();
                    seen.trouble = None;
                    seen.hear(action, outcome, *took);
                    let pause = seen.watch.watch(progress);
                    seen.pauses = seen.watch.count();
                    seen.pause_ms_max = ms(seen.watch.longest());
                    pause
                });
                if let Some(pause) = pause {
                    self.metrics.paused(record.id, pause);
                }
                if let Outcome::Compared(found) = outcome {
                    self.metrics.compared(found);
                }
            }
        }
    }

    /// Asks the catalog, over a session that is kept.
    pub(super) async fn ask<T, E: std::fmt::Display>(
        &self,
        question: impl AsyncFnOnce(&Catalog) -> Result<T, E>,
    ) -> Result<Result<T, E>, Problem> {
        let answered = timeout(CATALOG_TIME_MAX, async {
            let mut place = self.catalog.lock().await;
            // An answer that is late would be taken for that of the next question.
            let catalog = match place.take() {
                Some(catalog) if !catalog.is_closed() => catalog,
                Some(_) | None => Catalog::connect(&self.settings.fleet.catalog_url)
                    .await
                    .map_err(|error| away(&error.to_string()))?,
            };
            let answer = question(&catalog).await;
            if !catalog.is_closed() {
                *place = Some(catalog);
            }
            Ok(answer)
        });
        answered.await.unwrap_or_else(|_elapsed| Err(away("the catalog does not answer")))
    }
}

pub(super) fn away(detail: &str) -> Problem {
    Problem::unavailable(AGAIN, detail)
}

fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Seen {
    fn hear(&mut self, action: &Action, outcome: &Outcome, took: Duration) {
        if let Outcome::Copy(CopyState::Tables { ready, all, .. }) = outcome {
            self.tables = Some((*ready, *all));
        } else if let Outcome::Compared(found) = outcome {
            self.rows = found.rows;
        }
        let is_forward = matches!(action, Action::AwaitMark { leg: Leg::Forward, .. });
        if is_forward && *outcome == Outcome::Done {
            self.lag_ms = Some(ms(took));
        }
    }
}
