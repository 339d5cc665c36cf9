//! Takes stock, and puts it back.

use axum::http::StatusCode;
use mysql_async::prelude::Queryable;
use serde_json::json;

use super::super::step::{Effect, Reply};
use crate::service::sessions::{DatabaseError, MysqlSession};

const TAKE: &str = "UPDATE products SET stock = stock - ? WHERE id = ? AND stock >= ?";
const PUT: &str = "UPDATE products SET stock = stock + ? WHERE id = ?";
const LOOK: &str = "SELECT stock, price_cents, currency FROM products WHERE id = ?";

/// In which direction stock moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    /// A decrement, which an increment takes back.
    Out,
    /// An increment of its own, such as a delivery.
    In,
}

/// A change of one product's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) movement: Movement,
    pub(super) product_id: String,
    pub(super) quantity: u32,
}

impl Change {
    /// What a compensation must agree on with its action.
    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.product_id, self.quantity)
    }

    pub(super) fn verb(&self) -> &'static str {
        match self.movement {
            Movement::Out => "decrement",
            Movement::In => "increment",
        }
    }

    async fn put(&self, session: &mut MysqlSession) -> Result<bool, DatabaseError> {
        let connection = session.connection();
        connection.exec_drop(PUT, (self.quantity, &self.product_id)).await?;
        Ok(connection.affected_rows() == 1)
    }

    async fn take(&self, session: &mut MysqlSession) -> Result<bool, DatabaseError> {
        let connection = session.connection();
        connection.exec_drop(TAKE, (self.quantity, &self.product_id, self.quantity)).await?;
        Ok(connection.affected_rows() == 1)
    }
}

impl Effect<MysqlSession> for Change {
    async fn apply(&self, session: &mut MysqlSession) -> Result<Reply, DatabaseError> {
        let is_moved = match self.movement {
            Movement::Out => self.take(session).await?,
            Movement::In => self.put(session).await?,
        };
        let found: Option<(i64, i64, String)> =
            session.connection().exec_first(LOOK, (&self.product_id,)).await?;
        let (product_id, quantity) = (&self.product_id, self.quantity);
        Ok(match found {
            None => {
                let detail = format!("there is no product `{product_id}`");
                Reply::declined(StatusCode::UNPROCESSABLE_ENTITY, &detail, json!({}))
            }
            Some((stock, ..)) if !is_moved => {
                let detail = format!("`{product_id}` has {stock} in stock, not {quantity}");
                Reply::declined(StatusCode::CONFLICT, &detail, json!({ "stock": stock }))
            }
            Some((stock, price_cents, currency)) => Reply::new(
                StatusCode::OK,
                &json!({
                    "product_id": product_id, "quantity": quantity, "stock": stock,
                    "price_cents": price_cents, "currency": currency,
                }),
            ),
        })
    }

    async fn undo(&self, session: &mut MysqlSession) -> Result<(), DatabaseError> {
        let is_moved = match self.movement {
            Movement::Out => self.put(session).await?,
            Movement::In => self.take(session).await?,
        };
        // Products are never deleted; a delivery whose goods are sold cannot be taken back.
        let gone = || DatabaseError::Refused(format!("`{}` cannot go back", self.product_id));
        is_moved.then_some(()).ok_or_else(gone)
    }
}
