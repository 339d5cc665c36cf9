//! Files a report, and makes it void.

use axum::http::StatusCode;
use mysql_async::prelude::Queryable;
use serde_json::json;

use super::super::orders::OrderDraft;
use super::super::step::{Effect, Reply};
use super::duty::Duty;
use crate::service::sessions::{DatabaseError, MysqlSession};

const FILE: &str = "INSERT INTO reports (order_id, product_id, quantity, customer, amount_cents, \
                    currency) VALUES (?, ?, ?, ?, ?, ?)";
const VOID: &str = "UPDATE reports SET status = 'void' WHERE order_id = ? AND status = 'filed'";

/// What a step does to reports.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Taken back by making it void.
    File(OrderDraft),
    /// Takes a filing back.
    Void(String),
}

/// A change, and what its acknowledgement waits for.
#[derive(Debug)]
pub(super) struct Secured<'a> {
    pub(super) change: Change,
    pub(super) duty: &'a Duty,
}

impl Effect<MysqlSession> for Secured<'_> {
    async fn apply(&self, session: &mut MysqlSession) -> Result<Reply, DatabaseError> {
        let Change::File(draft) = &self.change else {
            return Err(DatabaseError::Refused("a void report was filed first".to_owned()));
        };
        let order_id = draft.order_id.to_string();
        let values = (
            &order_id,
            &draft.product_id,
            draft.quantity,
            &draft.customer,
            draft.amount_cents,
            &draft.currency,
        );
        session.connection().exec_drop(FILE, values).await?;
        let body = json!({ "order_id": order_id, "status": "filed" });
        Ok(Reply::new(StatusCode::CREATED, &body))
    }

    async fn undo(&self, session: &mut MysqlSession) -> Result<(), DatabaseError> {
        let order_id = match &self.change {
            Change::File(draft) => draft.order_id.to_string(),
            Change::Void(order_id) => order_id.clone(),
        };
        let connection = session.connection();
        connection.exec_drop(VOID, (&order_id,)).await?;
        let none = || DatabaseError::Refused(format!("there is no report of {order_id} to void"));
        (connection.affected_rows() == 1).then_some(()).ok_or_else(none)
    }

    async fn secured(&self, session: &mut MysqlSession) -> Result<(), DatabaseError> {
        self.duty.wait(session).await
    }
}
