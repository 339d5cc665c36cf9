//! Asks all shards at once, and puts together what they answer until the deadline.
//!
//! A shard answers from one snapshot, with the slots that it owned in it. A row counts if its shard
//! owned its slot and the map names that shard, so that a row on its way is there once. Where the
//! two differ, slots have changed hands meanwhile: the map is read again, and all are asked again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::primary::PrimarySession;
use super::super::routing::{Failed, Missing, Router, RoutingMap, ShardWork, Slots};
use super::Shop;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, away};

/// How often shards are asked again because slots changed hands.
const TRIES_MAX: u32 = 3;

/// A question to a shard. It answers one row: its slots as ranges, and an array of JSON objects
/// that have a `slot`, or null.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) statement: &'static str,
    pub(super) limit: i64,
    /// Rows come after this.
    pub(super) after: String,
    /// A shard that has not answered by then is left out.
    pub(super) patience: Duration,
}

/// The rows of the shards that answered.
#[derive(Debug)]
pub(super) struct Gathered {
    /// By the position of the shard.
    pub(super) rows: Vec<(usize, Value)>,
    pub(super) missing: Vec<Missing>,
    pub(super) map: Arc<RoutingMap>,
}

type Part = (Slots, Vec<Value>);

impl ShardWork for Question {
    type Answer = Part;
    const CHANGES: bool = false;

    async fn run(&self, session: &mut PrimarySession) -> Result<Part, DatabaseError> {
        let rows = session.rows(self.statement, &[&self.after, &self.limit]).await?;
        let row = rows.first().ok_or_else(|| DatabaseError::Refused("no row".to_owned()))?;
        let odd = |error: &dyn std::fmt::Display| DatabaseError::Refused(error.to_string());
        let slots = Slots::parse(row.try_get(0)?).map_err(|error| odd(&error))?;
        let found: Option<&str> = row.try_get(1)?;
        let found = found.map_or(Ok(Vec::new()), serde_json::from_str);
        Ok((slots, found.map_err(|error| odd(&error))?))
    }
}

impl Shop {
    /// Asks all shards.
    pub(super) async fn gather(
        &self,
        question: &Question,
        deadline: Deadline,
    ) -> Result<Gathered, Problem> {
        let router = &self.desk.router;
        let mut tries = 0;
        loop {
            let map = router.map(deadline).await?;
            let parts = self.ask(&map, question, deadline).await;
            let (gathered, is_moved) = assemble(map, parts);
            tries += 1;
            if is_moved && tries < TRIES_MAX {
                let is_late = router.look_again(gathered.map.epoch(), deadline).await.is_err();
                if !is_late {
                    continue;
                }
            }
            if !gathered.missing.is_empty() && !self.is_partial_allowed {
                let shards: Vec<&str> =
                    gathered.missing.iter().map(|missing| missing.shard.as_str()).collect();
                return Err(away(&format!("{} did not answer", shards.join(", "))));
            }
            return Ok(gathered);
        }
    }

    /// What each shard that owns something says.
    async fn ask(
        &self,
        map: &RoutingMap,
        question: &Question,
        deadline: Deadline,
    ) -> Vec<(usize, Result<Part, String>)> {
        let mut asked = JoinSet::new();
        let mut answers = Vec::new();
        for shard in 0..map.names().len() {
            if map.owned(shard).next().is_none() {
                continue;
            }
            // Who allows no partial answer has to wait for a shard that may come back.
            if self.is_partial_allowed && !self.desk.router.is_there(shard) {
                answers.push((shard, Err("its primary is away".to_owned())));
                continue;
            }
            let until = match self.is_partial_allowed {
                true => deadline.cap(Instant::now(), question.patience),
                false => deadline,
            };
            let (router, question) = (Arc::clone(&self.desk.router), question.clone());
            asked.spawn(async move { (shard, one(&router, shard, &question, until).await) });
        }
        while let Some(answer) = asked.join_next().await {
            // A panic is a mistake of ours; its shard is missing then.
            if let Ok(answer) = answer {
                answers.push(answer);
            }
        }
        answers
    }
}

async fn one(
    router: &Router,
    shard: usize,
    question: &Question,
    until: Deadline,
) -> Result<Part, String> {
    match router.at_shard(shard, question, until).await {
        Ok(part) => Ok(part),
        Err(Failed::Elsewhere { .. }) => Err("it owns nothing now".to_owned()),
        Err(Failed::Problem(problem)) => Err(problem.detail().to_owned()),
    }
}

/// Puts the parts together; says also whether slots are elsewhere than in the map.
fn assemble(
    map: Arc<RoutingMap>,
    mut parts: Vec<(usize, Result<Part, String>)>,
) -> (Gathered, bool) {
    parts.sort_by_key(|(shard, _)| *shard);
    let (mut rows, mut missing, mut is_moved) = (Vec::new(), Vec::new(), false);
    for shard in 0..map.names().len() {
        let expected = Slots::of(map.owned(shard));
        if expected.is_empty() {
            continue;
        }
        let name = map.names()[shard].clone();
        let part = parts.iter_mut().find(|(answered, _)| *answered == shard);
        let part = part.map_or_else(
            || Err("it was not asked".to_owned()),
            |(_, part)| std::mem::replace(part, Err(String::new())),
        );
        let (slots, found) = match part {
            Ok(part) => part,
            Err(reason) => {
                missing.push(Missing { shard: name, slots: expected.to_string(), reason });
                continue;
            }
        };
        let gone = expected.without(&slots);
        if !gone.is_empty() {
            is_moved = true;
            let reason = "they are on their way to another shard".to_owned();
            missing.push(Missing { shard: name, slots: gone.to_string(), reason });
        }
        let is_counted = |row: &Value| {
            let slot =
                row.get("slot").and_then(Value::as_u64).and_then(|slot| slot.try_into().ok());
            slot.is_some_and(|slot| expected.contains(slot) && slots.contains(slot))
        };
        rows.extend(found.into_iter().filter(is_counted).map(|row| (shard, row)));
    }
    (Gathered { rows, missing, map }, is_moved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(slots: &str, rows: &[u16]) -> Result<Part, String> {
        let rows = rows.iter().map(|slot| json!({ "slot": slot })).collect();
        Ok((Slots::parse(slots).unwrap(), rows))
    }

    /// 16 slots, of which each of two shards owns eight.
    fn assembled(parts: [Result<Part, String>; 2]) -> (Vec<u64>, Vec<(String, String)>, bool) {
        let names = ["shard-1".to_owned(), "shard-2".to_owned()];
        let owners: Vec<_> =
            (0..16).map(|slot| (slot, names[usize::from(slot >= 8)].clone())).collect();
        let map = RoutingMap::of(1, &owners, &names).unwrap();
        let parts = parts.into_iter().enumerate().collect();
        let (gathered, is_moved) = assemble(Arc::new(map), parts);
        let rows = gathered.rows.iter().map(|(_, row)| row["slot"].as_u64().unwrap()).collect();
        let missing =
            gathered.missing.into_iter().map(|missing| (missing.shard, missing.slots)).collect();
        (rows, missing, is_moved)
    }

    #[test]
    fn an_answer_of_all_is_whole() {
        let parts = [part("{[0,8)}", &[1, 7]), part("{[8,16)}", &[8])];
        assert_eq!(assembled(parts), (vec![1, 7, 8], vec![], false));
    }

    #[test]
    fn a_shard_that_is_away_is_missing_with_its_slots() {
        let parts = [part("{[0,8)}", &[1]), Err("away".to_owned())];
        let missing = vec![("shard-2".to_owned(), "8-15".to_owned())];
        assert_eq!(assembled(parts), (vec![1], missing, false));
    }

    #[test]
    fn a_slot_that_two_shards_own_one_after_the_other_counts_once() {
        let parts = [part("{[0,8)}", &[1, 7]), part("{[7,16)}", &[7, 8])];
        assert_eq!(assembled(parts), (vec![1, 7, 8], vec![], false));
    }

    #[test]
    fn a_slot_that_nobody_owned_in_their_snapshots_is_missing() {
        let parts = [part("{[0,7)}", &[1, 7]), part("{[8,16)}", &[8])];
        let missing = vec![("shard-1".to_owned(), "7".to_owned())];
        assert_eq!(assembled(parts), (vec![1, 8], missing, true));
    }
}
