//! Ledgers: which orders a customer, or a product, has seen, in their order. A transaction appends
//! to some of them and reads others, all at one moment: the part of orders whose history can be
//! judged by itself (list-append).

use std::collections::BTreeSet;

use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use uuid::Uuid;

use super::super::primary::{PrimarySession, Transaction, perform};
use super::desk::Desk;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;
use crate::service::sessions::DatabaseError;

/// Ledgers in one transaction, and elements in one of them: it is read whole.
const LEDGERS_MAX: usize = 8;
const ELEMENTS_MAX: usize = 10_000;
const NAME_LENGTH_MAX: usize = 64;

const TAKE: &str = "INSERT INTO ledger_transactions (id, request_hash, answer) \
                    VALUES ($1, $2, $3)";
const TAKEN: &str = "SELECT request_hash, answer FROM ledger_transactions WHERE id = $1";
const APPEND: &str = "INSERT INTO ledgers (name, elements) VALUES ($1, ARRAY[$2::text]) \
                      ON CONFLICT (name) DO UPDATE SET elements = ledgers.elements || $2::text \
                      RETURNING elements";
const READ: &str = "SELECT elements FROM ledgers WHERE name = $1";

/// What a client wants done at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerDraft {
    /// What is appended to each ledger of `append`; it makes the transaction one of a kind.
    order_id: Uuid,
    append: Vec<String>,
    #[serde(default)]
    read: Vec<String>,
}

impl LedgerDraft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the body is no transaction: {error}");
            // Valid JSON with wrong content is understood, and refused.
            if error.is_data() {
                Problem::unprocessable(detail)
            } else {
                Problem::bad_request(detail)
            }
        })?;
        if draft.append.is_empty() {
            return Err(Problem::unprocessable("`append` must name a ledger"));
        }
        check_names(draft.append.iter().chain(&draft.read))?;
        Ok(draft)
    }

    /// The order's id is what makes a repeated request the same: a key that says otherwise is a
    /// mistake.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let key = IdempotencyKey::of_request(headers, "POST", "/ledgers/transactions", b"")?;
        let is_other = key.is_some_and(|key| Uuid::parse_str(&key.key).ok() != Some(self.order_id));
        if is_other {
            return Err(Problem::unprocessable("the Idempotency-Key must be the `order_id`"));
        }
        Ok(())
    }
}

/// Ledgers that are read at one moment: the names of `names=a,b`.
pub(super) fn names(query: Option<&str>) -> Result<Vec<String>, Problem> {
    let names = query.and_then(|query| query.strip_prefix("names="));
    let names = names
        .ok_or_else(|| Problem::bad_request("the query must be names=<ledgers, with commas>"))?;
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    check_names(names.iter())?;
    Ok(names)
}

fn check_names<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Result<(), Problem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name =
        |name: &String| (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    let count = names.clone().count();
    let is_set = names.clone().collect::<BTreeSet<_>>().len() == count;
    if count > LEDGERS_MAX || !is_set || !names.into_iter().all(is_name) {
        return Err(Problem::unprocessable(format!(
            "a transaction names at most {LEDGERS_MAX} ledgers, each once, by 1 to \
             {NAME_LENGTH_MAX} letters, digits or any of - _ ."
        )));
    }
    Ok(())
}

struct Append<'a> {
    draft: &'a LedgerDraft,
    request_hash: &'a [u8],
}

impl Transaction for Append<'_> {
    type Answer = Result<String, Problem>;
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL SERIALIZABLE";

    async fn run(&self, session: &mut PrimarySession) -> Result<Self::Answer, DatabaseError> {
        let LedgerDraft { order_id, append, read } = self.draft;
        if let Some(row) = session.rows(TAKEN, &[order_id]).await?.first() {
            if row.try_get::<_, Vec<u8>>(0)? != self.request_hash {
                let detail = "this order was written with other ledgers";
                return Ok(Err(Problem::unprocessable(detail)));
            }
            return Ok(Ok(row.try_get(1)?));
        }
        // Looked at before anything is changed: what is refused is committed as well, so that its
        // reason is confirmed.
        for name in append {
            if elements(session, name).await?.len() >= ELEMENTS_MAX {
                let detail = format!("ledger `{name}` is full: it has {ELEMENTS_MAX} orders");
                return Ok(Err(full(detail)));
            }
        }
        let mut parts = Vec::new();
        let element = order_id.to_string();
        for name in read {
            parts.push(json!(["r", name, elements(session, name).await?]));
        }
        for name in append {
            let rows = session.rows(APPEND, &[name, &element]).await?;
            let list: Option<Vec<String>> = rows.first().map(|row| row.try_get(0)).transpose()?;
            parts.push(json!(["append", name, element]));
            parts.push(json!(["r", name, list.unwrap_or_default()]));
        }
        let answer = transaction(parts).to_string();
        session.rows(TAKE, &[order_id, &self.request_hash, &answer]).await?;
        Ok(Ok(answer))
    }
}

struct Read<'a>(&'a [String]);

impl Transaction for Read<'_> {
    type Answer = Value;
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL SERIALIZABLE";

    async fn run(&self, session: &mut PrimarySession) -> Result<Value, DatabaseError> {
        let mut parts = Vec::new();
        for name in self.0 {
            parts.push(json!(["r", name, elements(session, name).await?]));
        }
        Ok(transaction(parts))
    }
}

impl Desk {
    /// Appends and reads at one moment; the answer is JSON, and the same for the same order.
    pub(super) async fn append(
        &self,
        draft: &LedgerDraft,
        request_hash: &[u8],
        deadline: Deadline,
    ) -> Result<String, Problem> {
        let append = Append { draft, request_hash };
        let committed = perform(&self.primary, &append, deadline).await?;
        self.metrics.conflicts.inc_by(committed.conflicts);
        committed.answer
    }

    /// Reads at one moment, which a replica has confirmed.
    pub(super) async fn ledgers(
        &self,
        names: &[String],
        deadline: Deadline,
    ) -> Result<Value, Problem> {
        let committed = perform(&self.primary, &Read(names), deadline).await?;
        self.metrics.conflicts.inc_by(committed.conflicts);
        Ok(committed.answer)
    }
}

async fn elements(
    session: &mut PrimarySession,
    name: &String,
) -> Result<Vec<String>, DatabaseError> {
    let rows = session.rows(READ, &[name]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// As Jepsen and Elle write it.
fn transaction(parts: Vec<Value>) -> Value {
    json!({ "transaction": parts })
}

fn full(detail: String) -> Problem {
    let title = "The ledger is full";
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "ledger-full", title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_must_be_the_order_that_is_written() {
        let id = "01935b00-0000-7000-8000-000000000001";
        let body = format!(r#"{{"order_id":"{id}","append":["a"]}}"#);
        let draft = LedgerDraft::parse(body.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        assert!(draft.check_key(&headers).is_ok());
        headers.insert("idempotency-key", id.parse().unwrap());
        assert!(draft.check_key(&headers).is_ok());
        headers.insert("idempotency-key", "another".parse().unwrap());
        assert_eq!(draft.check_key(&headers).unwrap_err().status(), 422);
    }

    #[test]
    fn a_transaction_names_some_ledgers_and_each_once() {
        let id = "01935b00-0000-7000-8000-000000000001";
        let of =
            |rest: &str| LedgerDraft::parse(format!(r#"{{"order_id":"{id}"{rest}}}"#).as_bytes());
        let good = of(r#","append":["customer-1","product-2"],"read":["product-3"]"#).unwrap();
        assert_eq!((good.append.len(), good.read.len()), (2, 1));
        for wrong in [
            "",
            r#","append":[]"#,
            r#","append":["a b"]"#,
            r#","append":[""]"#,
            r#","append":["a"],"read":["a"]"#,
            r#","append":["a"],"write":["b"]"#,
            r#","append":["1","2","3","4","5","6","7","8","9"]"#,
        ] {
            assert_eq!(of(wrong).unwrap_err().status(), 422, "{wrong}");
        }
        assert_eq!(LedgerDraft::parse(b"{").unwrap_err().status(), 400);
        assert_eq!(names(Some("names=a,b")).unwrap(), ["a", "b"]);
        assert!(names(Some("names=a,a")).is_err() && names(None).is_err());
    }
}
