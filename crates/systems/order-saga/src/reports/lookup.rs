//! Shows reports.

use mysql_async::params::Params;
use mysql_async::prelude::Queryable;
use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use tokio::time::timeout_at;

use super::super::app::Desk;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, MysqlSession, TRIES_MAX, away};

const PAGE: &str = "SELECT order_id, product_id, quantity, customer, amount_cents, currency, \
                    status, DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ') FROM reports \
                    WHERE order_id > ? ORDER BY order_id LIMIT ?";
const ONE: &str = "SELECT order_id, product_id, quantity, customer, amount_cents, currency, \
                   status, DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ') FROM reports \
                   WHERE order_id = ?";

type Columns = (String, String, i64, String, i64, String, String, String);

/// A report as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ReportView {
    pub(super) order_id: String,
    product_id: String,
    quantity: i64,
    customer: String,
    amount_cents: i64,
    currency: String,
    status: String,
    created_at: String,
}

impl From<Columns> for ReportView {
    fn from(columns: Columns) -> Self {
        let (order_id, product_id, quantity, customer, amount_cents, currency, status, created_at) =
            columns;
        Self {
            order_id,
            product_id,
            quantity,
            customer,
            amount_cents,
            currency,
            status,
            created_at,
        }
    }
}

/// The reports of one page.
pub(super) async fn page(
    desk: &Desk<MysqlSession>,
    page: &PageRequest<String>,
    deadline: Deadline,
) -> Result<Vec<ReportView>, Problem> {
    look(desk, PAGE, (&page.after, page.limit).into(), deadline).await
}

/// The report of one order.
pub(super) async fn one(
    desk: &Desk<MysqlSession>,
    order_id: &str,
    deadline: Deadline,
) -> Result<ReportView, Problem> {
    let found = look(desk, ONE, (order_id,).into(), deadline).await?;
    let none = || Problem::not_found("there is no report of this order");
    found.into_iter().next().ok_or_else(none)
}

async fn look(
    desk: &Desk<MysqlSession>,
    sql: &'static str,
    parameters: Params,
    deadline: Deadline,
) -> Result<Vec<ReportView>, Problem> {
    for _ in 0..TRIES_MAX {
        let mut lent = desk.database.lend(deadline).await?;
        let call = lent.session().connection().exec(sql, parameters.clone());
        match timeout_at(deadline.instant(), call).await {
            Ok(Ok(rows)) => {
                lent.give_back();
                return Ok(rows.into_iter().map(|row: Columns| row.into()).collect());
            }
            Ok(Err(error)) => {
                if !lent.failed(&DatabaseError::from(error)) {
                    break;
                }
            }
            Err(_) => {
                desk.database.suspect();
                return Err(away("the database did not answer in time"));
            }
        }
    }
    Err(away("the reports could not be read"))
}
