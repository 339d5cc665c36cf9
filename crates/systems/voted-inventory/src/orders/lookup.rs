//! Shows orders: one by its id, or many in the order of their ids, which is that of time.

use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::super::log::{Kind, Outcome};
use super::ballot::Ballot;
use super::database::{CallError, away, within};
use super::desk::Desk;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

const ONE: &str = "SELECT id, product_id, quantity, status, reason, release_event, votes, \
                   created_at, decided_at FROM orders WHERE id = $1";
const PAGE: &str = "SELECT id, product_id, quantity, status, reason, release_event, votes, \
                    created_at, decided_at FROM orders WHERE id > $1 ORDER BY id LIMIT $2";

/// An order as clients see it.
#[derive(Debug, Serialize)]
pub(super) struct OrderView {
    pub(super) order_id: Uuid,
    product_id: String,
    quantity: i32,
    status: String,
    reason: Option<String>,
    cancel_requested: bool,
    votes: Vec<VoteView>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    decided_at: Option<OffsetDateTime>,
}

/// What a replica said to one of the order's events.
#[derive(Debug, Serialize)]
struct VoteView {
    replica: String,
    kind: Kind,
    outcome: Outcome,
    reason: Option<String>,
}

impl OrderView {
    fn of_row(row: &Row) -> Result<Self, Error> {
        let Json(ballot): Json<Ballot> = row.try_get(6)?;
        let Ballot { reserve, release } = ballot;
        let view = |kind| {
            move |(replica, vote): (String, super::ballot::Vote)| VoteView {
                replica,
                kind,
                outcome: vote.outcome,
                reason: vote.reason,
            }
        };
        let reserve = reserve.into_iter().map(view(Kind::Reserve));
        let votes = reserve.chain(release.into_iter().map(view(Kind::Release))).collect();
        Ok(Self {
            order_id: row.try_get(0)?,
            product_id: row.try_get(1)?,
            quantity: row.try_get(2)?,
            status: row.try_get(3)?,
            reason: row.try_get(4)?,
            cancel_requested: row.try_get::<_, Option<Uuid>>(5)?.is_some(),
            votes,
            created_at: row.try_get(7)?,
            decided_at: row.try_get(8)?,
        })
    }
}

impl Desk {
    /// Order `id`.
    pub(super) async fn order(&self, id: Uuid, deadline: Deadline) -> Result<OrderView, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let statement = borrowed.client().prepare_cached(ONE).await?;
            let row = borrowed.client().query_opt(&statement, &[&id]).await?;
            row.as_ref().map(OrderView::of_row).transpose()
        };
        let found = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        found.ok_or_else(|| Problem::not_found("there is no order with this id"))
    }

    /// The orders of one page.
    pub(super) async fn page(
        &self,
        page: PageRequest<Uuid>,
        deadline: Deadline,
    ) -> Result<Vec<OrderView>, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let statement = borrowed.client().prepare_cached(PAGE).await?;
            let rows =
                borrowed.client().query(&statement, &[&page.after, &i64::from(page.limit)]).await?;
            rows.iter().map(OrderView::of_row).collect::<Result<Vec<_>, Error>>()
        };
        let found = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(found)
    }
}

fn failed(error: &CallError) -> Problem {
    tracing::warn!(%error, "orders could not be shown");
    away("the database did not answer")
}
