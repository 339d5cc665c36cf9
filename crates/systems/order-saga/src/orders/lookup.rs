//! Shows orders: one by its id, or many in the order of their ids, which is that of time.

use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::time::timeout_at;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::super::app::Desk;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;
use crate::service::sessions::{PostgresSession, TRIES_MAX, away};

const ONE: &str = "SELECT id, product_id, quantity, customer, amount_cents, currency, status, \
                   created_at FROM orders WHERE id = $1";
const PAGE: &str = "SELECT id, product_id, quantity, customer, amount_cents, currency, status, \
                    created_at FROM orders WHERE id > $1 ORDER BY id LIMIT $2";

/// An order as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct OrderView {
    pub(super) order_id: Uuid,
    product_id: String,
    quantity: i32,
    customer: String,
    amount_cents: i64,
    currency: String,
    status: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl OrderView {
    pub(super) fn of_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            order_id: row.try_get(0)?,
            product_id: row.try_get(1)?,
            quantity: row.try_get(2)?,
            customer: row.try_get(3)?,
            amount_cents: row.try_get(4)?,
            currency: row.try_get(5)?,
            status: row.try_get(6)?,
            created_at: row.try_get(7)?,
        })
    }
}

/// The orders of one page.
pub(super) async fn page(
    desk: &Desk<PostgresSession>,
    page: PageRequest<Uuid>,
    deadline: Deadline,
) -> Result<Vec<OrderView>, Problem> {
    look(desk, PAGE, &[&page.after, &i64::from(page.limit)], deadline).await
}

/// One order.
pub(super) async fn one(
    desk: &Desk<PostgresSession>,
    id: Uuid,
    deadline: Deadline,
) -> Result<OrderView, Problem> {
    let found = look(desk, ONE, &[&id], deadline).await?;
    let none = || Problem::not_found("there is no order with this id");
    found.into_iter().next().ok_or_else(none)
}

async fn look(
    desk: &Desk<PostgresSession>,
    sql: &'static str,
    parameters: &[&(dyn ToSql + Sync)],
    deadline: Deadline,
) -> Result<Vec<OrderView>, Problem> {
    for _ in 0..TRIES_MAX {
        let mut lent = desk.database.lend(deadline).await?;
        let call = async {
            let rows = lent.session().rows(sql, parameters).await?;
            Ok(rows.iter().map(OrderView::of_row).collect::<Result<Vec<_>, Error>>()?)
        };
        match timeout_at(deadline.instant(), call).await {
            Ok(Ok(found)) => {
                lent.give_back();
                return Ok(found);
            }
            Ok(Err(error)) => {
                if !lent.failed(&error) {
                    break;
                }
            }
            Err(_) => {
                desk.database.suspect();
                return Err(away("the database did not answer in time"));
            }
        }
    }
    Err(away("the orders could not be read"))
}
