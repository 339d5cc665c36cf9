//! Moves that are asked for: planned against the map and noted down, all of a request or none.
//!
//! Whoever plans has a lock of its own, so that two of them do not plan the same slots; it is not
//! the coordinator's, which may be at work meanwhile and goes on with what is noted down here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::{Map, Phase, PlanError, PlannedMove, Record, SlotSet};
use crate::session::quoted;

use super::{Catalog, CatalogError, LOCK, text_of};

/// Of whoever plans.
pub(super) const PLANNING: i64 = LOCK + 1;

/// A change of the map that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// A shard that owns nothing takes its share.
    Add { shard: String },
    /// A shard gives away what it owns.
    Remove { shard: String },
    /// These slots go to that shard.
    Move { slots: SlotSet, target: String },
}

/// What makes a request that comes again the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey(pub String);

impl Request {
    /// The moves that it asks for.
    pub fn plan(&self, map: &Map) -> Result<Vec<PlannedMove>, PlanError> {
        match self {
            Self::Add { shard } => map.plan_add(shard),
            Self::Remove { shard } => map.plan_remove(shard),
            Self::Move { slots, target } => map.plan_move(slots, target),
        }
    }

    /// The shard that it names.
    pub fn shard(&self) -> &str {
        match self {
            Self::Add { shard } | Self::Remove { shard } | Self::Move { target: shard, .. } => {
                shard
            }
        }
    }
}

impl Catalog {
    /// Plans what is asked for and notes it down; whoever coordinates goes on with it. The same key
    /// again has the same answer, and plans nothing.
    pub async fn request(
        &self,
        request: &Request,
        key: Option<&RequestKey>,
    ) -> Result<Vec<Record>, CatalogError> {
        self.request_kept(request, key, Duration::ZERO).await
    }

    /// The same, with old owners that follow for so long after each move, whoever resumes it.
    pub(crate) async fn request_kept(
        &self,
        request: &Request,
        key: Option<&RequestKey>,
        keep: Duration,
    ) -> Result<Vec<Record>, CatalogError> {
        self.plan_alone(async {
            let text = serde_json::to_string(request).expect("a request is plain");
            if let Some(key) = key
                && let Some(known) = self.answered(key, &text).await?
            {
                return Ok(known);
            }
            // Moves before the map, as below.
            let open = self.open_moves().await?;
            let map = self.map().await?.ok_or(CatalogError::NoMap)?.with_open(&open);
            let mut records = Vec::new();
            for planned in request.plan(&map)? {
                records.push(self.note(&planned, keep).await?);
            }
            if let Some(RequestKey(key)) = key {
                let ids: Vec<String> = records.iter().map(|one| one.id.to_string()).collect();
                let remember = format!(
                    "INSERT INTO reshard_catalog.request VALUES ({}, {}, '{{{}}}')",
                    quoted(key),
                    quoted(&text),
                    ids.join(",")
                );
                self.session.run(&remember).await?;
            }
            Ok(records)
        })
        .await
    }

    /// The moves that the key stands for, if it is known.
    async fn answered(
        &self,
        RequestKey(key): &RequestKey,
        text: &str,
    ) -> Result<Option<Vec<Record>>, CatalogError> {
        let known = format!(
            "SELECT of, array_to_string(moves, ',') FROM reshard_catalog.request WHERE key = {}",
            quoted(key)
        );
        let rows = self.session.rows(&known).await?;
        let Some([Some(of), Some(ids)]) = rows.first().map(Vec::as_slice) else {
            return Ok(None);
        };
        if of != text {
            return Err(CatalogError::KeyReused(key.clone()));
        }
        let moves = format!("id = ANY ('{{{ids}}}')");
        self.records(&moves, "id").await.map(Some)
    }

    /// Notes one move down, as the coordinator: of slots that are the source's and in no other open
    /// move.
    pub(crate) async fn insert(
        &self,
        planned: &PlannedMove,
        keep: Duration,
    ) -> Result<Record, CatalogError> {
        self.plan_alone(async {
            let checked = self.session.run(&self.fence_check()).await;
            checked.map_err(|error| self.refused(error))?;
            self.note(planned, keep).await
        })
        .await
    }

    /// Does `work` in a transaction beside which nobody else plans.
    async fn plan_alone<T>(
        &self,
        work: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<T, CatalogError> {
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({PLANNING})");
        let begun = self.session.run(&begin).await.map_err(CatalogError::from);
        let done = match begun {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => self.session.run("COMMIT").await.map(|()| done).map_err(Into::into),
            Err(error) if self.session.is_closed() => Err(error),
            Err(error) => {
                self.session.run("ROLLBACK").await?;
                Err(error)
            }
        }
    }

    async fn note(&self, planned: &PlannedMove, keep: Duration) -> Result<Record, CatalogError> {
        let slots = planned.slots.to_string();
        // Moves before the map: slots that are in no open move now keep their owner, since nobody
        // else plans.
        for open in self.open_moves().await? {
            if open.slots.overlaps(&planned.slots) {
                return Err(CatalogError::OnTheMove { slots, id: open.id });
            }
        }
        let owned = self.map().await?.map(|map| map.slots_of(&planned.source)).unwrap_or_default();
        if planned.slots.is_empty() || !planned.slots.iter().all(|slot| owned.contains(slot)) {
            return Err(CatalogError::NotOwned { slots, source_shard: planned.source.clone() });
        }
        let mut record = Record {
            id: 0,
            source: planned.source.clone(),
            target: planned.target.clone(),
            slots: planned.slots.clone(),
            phase: Phase::Planned,
            problem: None,
            restarts: 0,
            keep,
        };
        let insert = format!(
            "INSERT INTO reshard_catalog.move (record) VALUES ({}) RETURNING id",
            quoted(&text_of(&record))
        );
        record.id = self.session.number(&insert).await?;
        let name = format!(
            "UPDATE reshard_catalog.move SET record = {} WHERE id = {}",
            quoted(&text_of(&record)),
            record.id
        );
        self.session.run(&name).await?;
        Ok(record)
    }
}
