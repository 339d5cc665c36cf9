//! Shows products.

use mysql_async::prelude::Queryable;
use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use tokio::time::timeout_at;

use super::super::app::Desk;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, MysqlSession, TRIES_MAX, away};

const PAGE: &str = "SELECT id, name, stock, price_cents, currency FROM products \
                    WHERE id > ? ORDER BY id LIMIT ?";
const ONE: &str = "SELECT id, name, stock, price_cents, currency FROM products WHERE id = ?";

/// A product as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProductView {
    pub(super) product_id: String,
    name: String,
    stock: i64,
    price_cents: i64,
    currency: String,
}

type Columns = (String, String, i64, i64, String);

impl From<Columns> for ProductView {
    fn from((product_id, name, stock, price_cents, currency): Columns) -> Self {
        Self { product_id, name, stock, price_cents, currency }
    }
}

/// The products of one page.
pub(super) async fn page(
    desk: &Desk<MysqlSession>,
    page: &PageRequest<String>,
    deadline: Deadline,
) -> Result<Vec<ProductView>, Problem> {
    for _ in 0..TRIES_MAX {
        let mut lent = desk.database.lend(deadline).await?;
        let call = lent.session().connection().exec(PAGE, (&page.after, page.limit));
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
            Err(_) => return Err(out_of_time(desk)),
        }
    }
    Err(away("the products could not be read"))
}

/// One product.
pub(super) async fn one(
    desk: &Desk<MysqlSession>,
    id: &str,
    deadline: Deadline,
) -> Result<ProductView, Problem> {
    for _ in 0..TRIES_MAX {
        let mut lent = desk.database.lend(deadline).await?;
        let call = lent.session().connection().exec_first(ONE, (id,));
        match timeout_at(deadline.instant(), call).await {
            Ok(Ok(row)) => {
                lent.give_back();
                let found: Option<Columns> = row;
                let none = || Problem::not_found("there is no product with this id");
                return found.map(ProductView::from).ok_or_else(none);
            }
            Ok(Err(error)) => {
                if !lent.failed(&DatabaseError::from(error)) {
                    break;
                }
            }
            Err(_) => return Err(out_of_time(desk)),
        }
    }
    Err(away("the product could not be read"))
}

fn out_of_time(desk: &Desk<MysqlSession>) -> Problem {
    desk.database.suspect();
    away("the database did not answer in time")
}
