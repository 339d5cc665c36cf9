//! What the service asks PostgreSQL. Bound parameters only, prepared once per connection.

use deadpool_postgres::Object;
use standfast_tactics::session_token::LogPosition;
use tokio_postgres::types::{PgLsn, ToSql, Type};
use tokio_postgres::{Error, Statement};
use uuid::Uuid;

use super::offers::now_ms;
use super::search::{AMENITIES, Search, Sort};

const SEARCH: &str = include_str!("../sql/search.sql");
const OFFER: &str = include_str!("../sql/offer.sql");

/// How far a replica has come, and how far the primary has.
const REPLAYED: &str = "SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')";
const INSERTED: &str = "SELECT pg_current_wal_insert_lsn()";

const BEAT: &str = "INSERT INTO heartbeats VALUES ($1, $2) \
                    ON CONFLICT (writer) DO UPDATE SET beat = excluded.beat";
const SHOWN_BEAT: &str = "SELECT beat FROM heartbeats WHERE writer = $1";

/// Keys outlive every sensible retry by far.
const FORGET_KEYS: &str =
    "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'";

/// Which server is asked, and with it how its position in the log is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Replica,
}

/// What a read is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Search(Search),
    Offer(Uuid),
}

/// What a read found.
#[derive(Debug)]
pub(super) struct Row {
    /// What was found was so at this time, or later.
    pub(super) asked_at_ms: u64,
    /// The server had certainly come this far when it looked.
    pub(super) position: LogPosition,
    /// JSON and version; absent when there is no such offer.
    pub(super) found: Option<(String, u32)>,
}

/// Reads `subject`.
///
/// The position is asked for first, in the same round trip: the statement after it sees at least
/// what was there then. Asked for within the same statement it could be later than what that
/// statement sees.
pub(super) async fn read(client: &Object, role: Role, subject: &Subject) -> Result<Row, Error> {
    // All is prepared before anything is sent, or the order of the two would not be certain.
    let statements = (prepare(client, subject).await?, prepare_position(client, role).await?);
    let (statement, position) = &statements;
    let amenities = AMENITIES.as_slice();
    let asked_at_ms = now_ms();
    match subject {
        Subject::Search(search) => {
            let Search { city, check_in, nights, guests, max_price, sort } = search;
            let sort = sort.name();
            let parameters: [&(dyn ToSql + Sync); 7] =
                [city, check_in, nights, guests, max_price, &sort, &amenities];
            let (position, row) = tokio::try_join!(
                biased;
                client.query_one(position, &[]),
                client.query_one(statement, &parameters),
            )?;
            let position = position_in(&position, role)?;
            Ok(Row { asked_at_ms, position, found: Some((row.try_get(0)?, 0)) })
        }
        Subject::Offer(id) => {
            let parameters: [&(dyn ToSql + Sync); 2] = [id, &amenities];
            let (position, row) = tokio::try_join!(
                biased;
                client.query_one(position, &[]),
                client.query_opt(statement, &parameters),
            )?;
            let position = position_in(&position, role)?;
            let found = match row {
                Some(row) => Some((row.try_get(0)?, row.try_get::<_, i32>(1)?.unsigned_abs())),
                None => None,
            };
            Ok(Row { asked_at_ms, position, found })
        }
    }
}

async fn prepare(client: &Object, subject: &Subject) -> Result<Statement, Error> {
    match subject {
        Subject::Search(_) => {
            let types = [
                Type::INT4,
                Type::DATE,
                Type::INT4,
                Type::INT2,
                Type::INT4,
                Type::TEXT,
                Type::TEXT_ARRAY,
            ];
            client.prepare_typed_cached(SEARCH, &types).await
        }
        Subject::Offer(_) => {
            client.prepare_typed_cached(OFFER, &[Type::UUID, Type::TEXT_ARRAY]).await
        }
    }
}

async fn prepare_position(client: &Object, role: Role) -> Result<Statement, Error> {
    let query = match role {
        Role::Primary => INSERTED,
        Role::Replica => REPLAYED,
    };
    client.prepare_cached(query).await
}

fn position_in(row: &tokio_postgres::Row, role: Role) -> Result<LogPosition, Error> {
    let position = LogPosition::from_bytes(row.try_get::<_, PgLsn>(0)?.into());
    Ok(match role {
        // A commit is in the log a moment before it can be seen. Its writer asks for the position
        // after that, so it gets this one or a later one, and never less.
        Role::Primary => position.before(),
        Role::Replica => position,
    })
}

/// How far the replica has come.
pub(super) async fn replayed(client: &Object) -> Result<LogPosition, Error> {
    let statement = prepare_position(client, Role::Replica).await?;
    position_in(&client.query_one(&statement, &[]).await?, Role::Replica)
}

/// A position at or behind every commit that was acknowledged on `client` so far.
pub(super) async fn committed(client: &Object) -> Result<LogPosition, Error> {
    let row = client.query_one(&client.prepare_cached(INSERTED).await?, &[]).await?;
    Ok(LogPosition::from_bytes(row.try_get::<_, PgLsn>(0)?.into()))
}

/// Writes heartbeat `beat`, and answers a position after it.
pub(super) async fn beat(client: &Object, writer: &str, beat: i64) -> Result<LogPosition, Error> {
    client.execute(&client.prepare_cached(BEAT).await?, &[&writer, &beat]).await?;
    committed(client).await
}

/// The last heartbeat of `writer` that this server shows.
pub(super) async fn shown_beat(client: &Object, writer: &str) -> Result<Option<i64>, Error> {
    let row = client.query_opt(&client.prepare_cached(SHOWN_BEAT).await?, &[&writer]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

/// Drops answers that nobody will ask for again.
pub(super) async fn forget_old_keys(client: &Object) -> Result<u64, Error> {
    client.execute(FORGET_KEYS, &[]).await
}

/// Prepares on `client` what the first request would otherwise wait for.
pub(super) async fn warm(client: &Object, role: Role) -> Result<(), Error> {
    let nobody = Search {
        city: 0,
        check_in: time::macros::date!(2027 - 01 - 01),
        nights: 1,
        guests: 1,
        max_price: None,
        sort: Sort::Best,
    };
    read(client, role, &Subject::Search(nobody)).await.map(|_| ())
}
