//! Takes: stock for one purpose, of one product or several, all of it or nothing.
//!
//! The lines of one shard are one transaction. Where they lie on several shards, one after the
//! other is asked, and when one refuses, the others give back: until then the stock of a take that
//! fails is held, and is never sold twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use standfast_tactics::deadline::Deadline;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::primary::PrimarySession;
use super::super::routing::{Failed, Router, RoutingMap, ShardWork, checked_sku, fingerprint};
use crate::service::database::unknown_outcome;
use crate::service::problem::Problem;
use crate::service::sessions::DatabaseError;

const TAKE: &str = "SELECT sku, quantity, state, fingerprint, price_cents, currency, stock, \
                    version FROM take($1, $2, $3, $4, $5)";
const RELEASE: &str = "SELECT sku, quantity, state, fingerprint, price_cents, currency, stock, \
                       version FROM release($1, $2, $3, $4, $5)";

/// More different products nobody buys at once.
const LINES_MAX: usize = 64;

/// More units at once is a mistake.
pub(super) const QUANTITY_MAX: i64 = 1_000_000;

/// What a request says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeDraft {
    #[serde(default)]
    take_id: Option<Uuid>,
    lines: Vec<LineDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineDraft {
    sku: String,
    quantity: i64,
}

/// A checked take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) id: Uuid,
    /// By product, so that whoever lists them in another order means the same.
    lines: BTreeMap<String, i64>,
    fingerprint: i64,
}

impl TakeDraft {
    /// The take, whose id stands in the body, in the path, or in both.
    pub(super) fn check(self, in_path: Option<Uuid>) -> Result<Take, Problem> {
        let id = in_path.or(self.take_id).filter(|id| self.take_id.is_none_or(|own| own == *id));
        let id = id.ok_or_else(|| {
            Problem::unprocessable("`take_id` must be a UUID, and the one of the path")
        })?;
        if self.lines.is_empty() || self.lines.len() > LINES_MAX {
            let detail = format!("`lines` must be 1 to {LINES_MAX} products");
            return Err(Problem::unprocessable(detail));
        }
        let mut lines = BTreeMap::new();
        for LineDraft { sku, quantity } in self.lines {
            if !(1..=QUANTITY_MAX).contains(&quantity) {
                let detail = format!("`quantity` must be from 1 to {QUANTITY_MAX}");
                return Err(Problem::unprocessable(detail));
            }
            if lines.insert(checked_sku(sku)?, quantity).is_some() {
                return Err(Problem::unprocessable("a product may stand on one line only"));
            }
        }
        let text = lines.iter().map(|(sku, quantity)| format!("{sku} {quantity}"));
        let text: Vec<String> = text.collect();
        let fingerprint = fingerprint(text.iter().map(String::as_str));
        Ok(Take { id, lines, fingerprint })
    }
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) sku: String,
    quantity: i64,
    #[serde(skip)]
    pub(super) state: String,
    #[serde(skip)]
    fingerprint: i64,
    price_cents: i64,
    currency: String,
    pub(super) stock: i64,
    version: i64,
}

impl Line {
    fn of(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            sku: row.try_get(0)?,
            quantity: row.try_get(1)?,
            state: row.try_get(2)?,
            fingerprint: row.try_get(3)?,
            price_cents: row.try_get(4)?,
            currency: row.try_get(5)?,
            stock: row.try_get(6)?,
            version: row.try_get(7)?,
        })
    }
}

/// The lines of a take that lie on one shard.
struct Part<'a> {
    statement: &'static str,
    take: &'a Take,
    slots: Vec<i32>,
    skus: Vec<&'a str>,
    quantities: Vec<i64>,
}

impl ShardWork for Part<'_> {
    type Answer = Vec<Line>;
    const CHANGES: bool = true;

    async fn run(&self, session: &mut PrimarySession) -> Result<Vec<Line>, DatabaseError> {
        let Take { id, fingerprint, .. } = self.take;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [id, fingerprint, &self.slots, &self.skus, &self.quantities];
        let rows = session.rows(self.statement, &parameters).await?;
        rows.iter().map(Line::of).collect()
    }
}

/// What the shards said.
struct Performed {
    lines: Vec<Line>,
    /// Some of them know other lines under the id.
    is_other: bool,
    /// A shard that did not answer may have done its part.
    may_be_done: bool,
}

impl Performed {
    /// What shards have done already lasts until it is given back.
    fn is_held(&self) -> IsHeld {
        IsHeld(self.may_be_done || !self.lines.is_empty())
    }
}

/// Takes all lines, or none. The answer holds all lines if they are taken, else those by which it
/// is refused.
pub(super) async fn take(
    router: &Router,
    take: &Take,
    deadline: Deadline,
) -> Result<Result<Vec<Line>, Vec<Line>>, Problem> {
    for sku in take.lines.keys() {
        router.count(sku, deadline).await?;
    }
    let performed = perform(router, take, TAKE, deadline).await?;
    let is_own = |line: &&Line| line.fingerprint == take.fingerprint;
    let taken = performed.lines.iter().filter(is_own).filter(|line| line.state == "taken").count();
    if performed.is_other {
        if taken > 0 || performed.may_be_done {
            give_back(router, take, IsHeld(true), deadline).await?;
        }
        return Err(other_lines());
    }
    if taken == take.lines.len() {
        return Ok(Ok(performed.lines));
    }
    // Also when an earlier call was to do it, and was cut off. It knows the state of all lines, so
    // that a repetition is answered as the first call was.
    Ok(Err(match take.lines.len() {
        1 => performed.lines,
        _ => {
            let is_held = IsHeld(taken > 0 || performed.may_be_done);
            give_back(router, take, is_held, deadline).await?.lines
        }
    }))
}

/// Gives back what was taken, and keeps the take away if it comes later.
pub(super) async fn release(
    router: &Router,
    take: &Take,
    deadline: Deadline,
) -> Result<Vec<Line>, Problem> {
    let performed = perform(router, take, RELEASE, deadline).await?;
    if performed.is_other { Err(other_lines()) } else { Ok(performed.lines) }
}

/// Whether stock is held for a take until it is given back.
#[derive(Clone, Copy)]
struct IsHeld(bool);

/// Gives back what a take that fails has got. "Nothing was done" would not be true if it cannot.
async fn give_back(
    router: &Router,
    take: &Take,
    is_held: IsHeld,
    deadline: Deadline,
) -> Result<Performed, Problem> {
    let performed = perform(router, take, RELEASE, deadline).await;
    performed.map_err(|problem| told(is_held, problem))
}

fn told(is_held: IsHeld, problem: Problem) -> Problem {
    if is_held.0 { unknown_outcome() } else { problem }
}

fn other_lines() -> Problem {
    Problem::unprocessable("the take has this id, and other lines")
}

/// Has `statement` done for all lines, one shard after the other. Takes end with the first shard
/// that refuses.
async fn perform(
    router: &Router,
    take: &Take,
    statement: &'static str,
    deadline: Deadline,
) -> Result<Performed, Problem> {
    let mut open: BTreeSet<&str> = take.lines.keys().map(String::as_str).collect();
    let mut performed = Performed { lines: Vec::new(), is_other: false, may_be_done: false };
    while !open.is_empty() {
        let map = router.map(deadline).await?;
        let mut is_elsewhere = false;
        for (shard, part) in parts(&map, take, statement, &open) {
            match router.at_shard(shard, &part, deadline).await {
                Ok(lines) => {
                    open.retain(|sku| !part.skus.contains(sku));
                    let is_refused = lines.iter().any(|line| line.state != "taken");
                    let is_own = |line: &Line| line.fingerprint == take.fingerprint;
                    let is_other = !lines.iter().all(is_own);
                    performed.is_other |= is_other;
                    performed.lines.extend(lines);
                    if statement == TAKE && (is_refused || is_other) {
                        return Ok(performed);
                    }
                }
                Err(Failed::Elsewhere { may_be_done }) => {
                    performed.may_be_done |= may_be_done;
                    is_elsewhere = true;
                }
                Err(Failed::Problem(problem)) => return Err(told(performed.is_held(), problem)),
            }
        }
        if is_elsewhere {
            let again = router.look_again(map.epoch(), deadline).await;
            again.map_err(|problem| told(performed.is_held(), problem))?;
        }
    }
    performed.lines.sort_by(|one, other| one.sku.cmp(&other.sku));
    Ok(performed)
}

/// What each shard has to do, by its position: lines of one slot are always together.
fn parts<'a>(
    map: &RoutingMap,
    take: &'a Take,
    statement: &'static str,
    open: &BTreeSet<&str>,
) -> BTreeMap<usize, Part<'a>> {
    let mut parts: BTreeMap<usize, Part<'_>> = BTreeMap::new();
    for (sku, quantity) in take.lines.iter().filter(|(sku, _)| open.contains(sku.as_str())) {
        let slot = map.slot_of(sku);
        let part = parts.entry(map.owner(slot)).or_insert_with(|| Part {
            statement,
            take,
            slots: Vec::new(),
            skus: Vec::new(),
            quantities: Vec::new(),
        });
        part.slots.push(i32::from(slot.0));
        part.skus.push(sku);
        part.quantities.push(*quantity);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0193_5b00_0000_7000_8000_0000_0000_0001);

    fn checked(lines: &[(&str, i64)]) -> Result<Take, Problem> {
        let line = |(sku, quantity): &(&str, i64)| LineDraft {
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        TakeDraft { take_id: Some(ID), lines: lines.iter().map(line).collect() }.check(None)
    }

    #[test]
    fn the_order_of_the_lines_does_not_matter_and_a_quantity_does() {
        let take = checked(&[("A", 1), ("B", 2)]).unwrap();
        assert_eq!(take, checked(&[("B", 2), ("A", 1)]).unwrap());
        for other in [&[("A", 1), ("B", 3)][..], &[("A", 1)], &[("A", 1), ("C", 2)]] {
            assert_ne!(take.fingerprint, checked(other).unwrap().fingerprint, "{other:?}");
        }
    }

    #[test]
    fn lines_have_bounds() {
        let many: Vec<String> = (0..=LINES_MAX).map(|number| format!("SKU-{number}")).collect();
        let many: Vec<(&str, i64)> = many.iter().map(|sku| (sku.as_str(), 1)).collect();
        assert!(checked(&many[..LINES_MAX]).is_ok());
        let wrong: [&[(&str, i64)]; 6] = [
            &many,
            &[],
            &[("A", 0)],
            &[("A", QUANTITY_MAX + 1)],
            &[("A", 1), ("A", 1)],
            &[("a b", 1)],
        ];
        for lines in wrong {
            assert_eq!(checked(lines).unwrap_err().status(), 422, "{lines:?}");
        }
    }

    #[test]
    fn the_id_of_the_path_and_of_the_body_are_one() {
        let draft = |take_id| TakeDraft {
            take_id,
            lines: vec![LineDraft { sku: "A".to_owned(), quantity: 1 }],
        };
        assert_eq!(draft(None).check(Some(ID)).unwrap().id, ID);
        assert_eq!(draft(Some(ID)).check(Some(ID)).unwrap().id, ID);
        assert!(draft(Some(Uuid::nil())).check(Some(ID)).is_err());
        assert!(draft(None).check(None).is_err());
    }
}
