//! The ledger: each charge once, whoever asks for it how often, and each refund.
//!
//! A row is the charge. It is written in one transaction after the vote, and acknowledged when that
//! is committed: a cashier that dies between vote and ledger has charged nothing, one that dies
//! after it answers the row the next time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::super::wire::{ChargeKind, Currency, Hex, Money, SignedStatement};
use crate::service::database::{
    Borrowed, CallError, Database, RETRY_AFTER, unknown_outcome, within,
};
use crate::service::problem::Problem;

const ENTER: &str = "SELECT cashier.enter($1)";
const FIND: &str = "SELECT charge_id, kind, quote_digest, amount_cents, currency, statements
                      FROM cashier.charges WHERE reservation_id = $1";
const PAGE: &str = "SELECT charge_id, reservation_id, kind, amount_cents, currency
                      FROM cashier.charges WHERE charge_id > $1 ORDER BY charge_id LIMIT $2";
/// Customers have ten thousand million euros before anybody has paid, so that what is left of them
/// can be held against what was charged.
const BALANCES: &str = "SELECT currency, sum(cents)::bigint
                          FROM (SELECT account, currency, cents FROM cashier.entries
                                UNION ALL VALUES ('customers', 'EUR', 1000000000000),
                                                 ('house', 'EUR', 0)) one
                         WHERE account = $1 GROUP BY currency ORDER BY currency";
const PIN: &str = "INSERT INTO cashier.replica_keys (replica, public_key) VALUES ($1, $2)
                   ON CONFLICT DO NOTHING";
const KEYS: &str = "SELECT replica, public_key FROM cashier.replica_keys";

/// What is to be entered.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) kind: ChargeKind,
    pub(super) reservation_id: Uuid,
    pub(super) quote_digest: Hex<32>,
    /// Of a refund only the currency counts: it is of what was charged.
    pub(super) amount: Money,
    pub(super) attempt: Option<Uuid>,
    pub(super) statements: &'a [SignedStatement],
    pub(super) key: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Entered {
    Made(Kept),
    /// It was there before.
    Kept(Kept),
    /// There is another one.
    Conflict,
    /// It was refunded before it was charged.
    Barred,
}

/// A row, as far as an answer needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Kept {
    pub(super) charge_id: Uuid,
    #[serde(flatten)]
    pub(super) amount: Money,
}

/// A row that was looked up.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: ChargeKind,
    pub(super) quote_digest: Hex<32>,
    pub(super) kept: Kept,
    pub(super) statements: Value,
}

/// A row of a list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Listed {
    pub(super) charge_id: Uuid,
    pub(super) reservation_id: Uuid,
    pub(super) kind: ChargeKind,
    pub(super) amount: Money,
}

/// Makes a charge or a refund, once.
pub(super) async fn enter(
    database: &Database,
    entry: &Entry<'_>,
    deadline: Deadline,
) -> Result<Entered, Problem> {
    let asked = json!({
        "charge_id": Uuid::now_v7(),
        "kind": entry.kind,
        "reservation_id": entry.reservation_id,
        "quote_digest": entry.quote_digest,
        "cents": entry.amount.cents,
        "currency": entry.amount.currency,
        "attempt": entry.attempt,
        "statements": entry.statements,
        "key": entry.key,
    });
    let session = database.borrow(deadline).await?;
    let called = within(deadline, async {
        let statement = session.client().prepare_cached(ENTER).await?;
        session.client().query_one(&statement, &[&asked]).await
    });
    match called.await {
        Ok(row) => {
            session.give_back();
            let answer: Value = row.try_get(0).map_err(|error| unreadable(&error))?;
            serde_json::from_value(answer).map_err(|error| unreadable(&error))
        }
        // It lives, and has undone what it had begun.
        Err(error) if error.is_refusal() => Err(refused(session, &error)),
        // Whether it was committed is not known; the row will tell whoever asks again.
        Err(error) => {
            tracing::warn!(%error, "a charge was sent to the ledger, and no word came back");
            Err(unknown_outcome())
        }
    }
}

/// What there is of a reservation.
pub(super) async fn find(
    database: &Database,
    reservation_id: Uuid,
    deadline: Deadline,
) -> Result<Vec<Found>, Problem> {
    let rows = rows(database, FIND, &[&reservation_id], deadline).await?;
    let found = |row: &Row| {
        let digest: Vec<u8> = row.try_get(2)?;
        let amount = Money { cents: row.try_get(3)?, currency: currency(row, 4)? };
        Ok(Found {
            kind: kind(row, 1)?,
            quote_digest: Hex(digest.try_into().map_err(|_| "a digest has 32 bytes")?),
            kept: Kept { charge_id: row.try_get(0)?, amount },
            statements: row.try_get(5)?,
        })
    };
    read(&rows, found)
}

/// At most `limit` rows after the one that is named.
pub(super) async fn page(
    database: &Database,
    after: Uuid,
    limit: i64,
    deadline: Deadline,
) -> Result<Vec<Listed>, Problem> {
    let rows = rows(database, PAGE, &[&after, &limit], deadline).await?;
    let listed = |row: &Row| {
        let amount = Money { cents: row.try_get(3)?, currency: currency(row, 4)? };
        let (charge_id, reservation_id) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Listed { charge_id, reservation_id, kind: kind(row, 2)?, amount })
    };
    read(&rows, listed)
}

/// What is on an account.
pub(super) async fn balances(
    database: &Database,
    account: &str,
    deadline: Deadline,
) -> Result<Vec<Money>, Problem> {
    let rows = rows(database, BALANCES, &[&account], deadline).await?;
    let balance = |row: &Row| Ok(Money { cents: row.try_get(1)?, currency: currency(row, 0)? });
    read(&rows, balance)
}

/// Remembers a replica by the key that it was first known by, and answers that of each of them.
pub(super) async fn pin(
    database: &Database,
    new: &[(String, Hex<32>)],
    deadline: Deadline,
) -> Result<Vec<(String, Hex<32>)>, Problem> {
    for (replica, key) in new {
        rows(database, PIN, &[replica, &key.0.as_slice()], deadline).await?;
    }
    let rows = rows(database, KEYS, &[], deadline).await?;
    let key = |row: &Row| {
        let key: Vec<u8> = row.try_get(1)?;
        Ok((row.try_get(0)?, Hex(key.try_into().map_err(|_| "a key has 32 bytes")?)))
    };
    read(&rows, key)
}

async fn rows(
    database: &Database,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
    deadline: Deadline,
) -> Result<Vec<Row>, Problem> {
    let session = database.borrow(deadline).await?;
    let called = within(deadline, async {
        let statement = session.client().prepare_cached(sql).await?;
        session.client().query(&statement, parameters).await
    });
    match called.await {
        Ok(rows) => {
            session.give_back();
            Ok(rows)
        }
        Err(error) if error.is_refusal() => Err(refused(session, &error)),
        Err(error) => Err(Problem::unavailable(RETRY_AFTER, error.to_string())),
    }
}

fn refused(session: Borrowed, error: &CallError) -> Problem {
    session.give_back();
    tracing::error!(%error, "the ledger refused");
    Problem::unavailable(RETRY_AFTER, format!("nothing was written: {error}"))
}

type Mistake = Box<dyn std::error::Error + Send + Sync>;

fn read<T>(rows: &[Row], one: impl Fn(&Row) -> Result<T, Mistake>) -> Result<Vec<T>, Problem> {
    let all: Result<Vec<T>, Mistake> = rows.iter().map(one).collect();
    all.map_err(|error| unreadable(&error))
}

fn kind(row: &Row, at: usize) -> Result<ChargeKind, Mistake> {
    match row.try_get::<_, &str>(at)? {
        "charge" => Ok(ChargeKind::Charge),
        "refund" => Ok(ChargeKind::Refund),
        other => Err(format!("`{other}` is neither a charge nor a refund").into()),
    }
}

fn currency(row: &Row, at: usize) -> Result<Currency, Mistake> {
    Ok(Currency::try_from(row.try_get::<_, String>(at)?)?)
}

fn unreadable(error: &impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "the ledger answers what it should not");
    Problem::unavailable(RETRY_AFTER, format!("the ledger cannot be read: {error}"))
}
