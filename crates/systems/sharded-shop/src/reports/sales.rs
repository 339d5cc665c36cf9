//! What was sold, by product: each shard joins its takes with its products and sums them up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::{Client, Row};

use super::super::routing::{Missing, RoutingMap, Slots};
use super::foreign::{literal, table};
use super::{ReportSession, Reports};
use crate::service::problem::Problem;
use crate::service::sessions::{DatabaseError, Session, away};

/// How often the shards are asked again, because slots changed hands or one went away.
const TRIES_MAX: u32 = 4;

/// A shard that has not said by then which slots it has is left out. It says so in a few ms, and in
/// some more where a session with it has to be opened.
const PATIENCE: Duration = Duration::from_secs(1);

/// A product and what was sold of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sale {
    shard: String,
    sku: String,
    title: String,
    currency: String,
    orders: i64,
    units: i64,
    cents: i64,
}

/// A report, and what it lacks.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    items: Vec<Sale>,
    pub(super) complete: bool,
    missing: Vec<Missing>,
    epoch: u64,
}

/// Why a try gave no report.
enum Trouble {
    /// This shard did not answer.
    Shard(usize),
    /// Slots are not where the map says.
    Moved,
    Other(Problem),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Other(away(&DatabaseError::from(error).to_string()))
    }
}

/// The products that most was paid for.
pub(super) async fn report(
    reports: &Reports,
    limit: u32,
    deadline: Deadline,
) -> Result<Report, Problem> {
    let router = &reports.desk.router;
    let mut silent = BTreeSet::new();
    for _ in 0..TRIES_MAX {
        let map = router.map(deadline).await?;
        let (asked, missing) = shards(reports, &map, &silent);
        if !missing.is_empty() && !reports.is_partial_allowed {
            let names: Vec<&str> = missing.iter().map(|missing| missing.shard.as_str()).collect();
            return Err(away(&format!("{} did not answer", names.join(", "))));
        }
        let epoch = map.epoch();
        if asked.is_empty() {
            return Ok(Report { items: Vec::new(), complete: missing.is_empty(), missing, epoch });
        }
        match attempt(reports, &map, &asked, limit, deadline).await {
            Ok(items) => return Ok(Report { items, complete: missing.is_empty(), missing, epoch }),
            Err(Trouble::Shard(shard)) => drop(silent.insert(shard)),
            Err(Trouble::Moved) => router.look_again(epoch, deadline).await?,
            Err(Trouble::Other(problem)) => return Err(problem),
        }
    }
    Err(away("slots changed hands again and again"))
}

/// Which shards to ask, by position, and which are known not to answer.
fn shards(
    reports: &Reports,
    map: &RoutingMap,
    silent: &BTreeSet<usize>,
) -> (Vec<usize>, Vec<Missing>) {
    let (mut asked, mut missing) = (Vec::new(), Vec::new());
    for (shard, name) in map.names().iter().enumerate() {
        let slots = Slots::of(map.owned(shard));
        if slots.is_empty() {
            continue;
        }
        if reports.desk.router.is_there(shard) && !silent.contains(&shard) {
            asked.push(shard);
            continue;
        }
        let reason = "its primary is away".to_owned();
        missing.push(Missing { shard: name.clone(), slots: slots.to_string(), reason });
    }
    (asked, missing)
}

async fn attempt(
    reports: &Reports,
    map: &Arc<RoutingMap>,
    asked: &[usize],
    limit: u32,
    deadline: Deadline,
) -> Result<Vec<Sale>, Trouble> {
    let mut lent = reports.database.lend(deadline).await.map_err(Trouble::Other)?;
    let work = read(lent.session(), map, asked, limit, deadline);
    match timeout_at(deadline.instant(), work).await {
        Ok(Ok(sales)) => {
            lent.give_back();
            Ok(sales)
        }
        // The session is closed: its sessions with the shards are in an unknown state.
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Other(away("the shards did not answer in time"))),
    }
}

/// In one transaction, so that each shard answers from one snapshot: the slots that it owned, and
/// what it sold.
async fn read(
    session: &mut ReportSession,
    map: &RoutingMap,
    asked: &[usize],
    limit: u32,
    deadline: Deadline,
) -> Result<Vec<Sale>, Trouble> {
    let left = deadline.remaining(Instant::now()).as_millis().max(1);
    let begin = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {left}");
    session.client().batch_execute(&begin).await?;
    let client = session.client();
    for shard in asked {
        let ranges = format!("SELECT slots FROM {}", table(&map.names()[*shard], "ranges"));
        let rows = timeout(PATIENCE, of_shard(client, &ranges, map, *shard)).await;
        let rows = rows.map_err(|_| Trouble::Shard(*shard))??;
        let text = rows.first().map(|row| row.try_get::<_, &str>(0)).transpose()?;
        if Slots::parse(text.unwrap_or_default()) != Ok(Slots::of(map.owned(*shard))) {
            return Err(Trouble::Moved);
        }
    }
    let rows = client.query(&query(map, asked, limit), &[]).await;
    let rows = rows.map_err(|error| blamed(error, map, asked))?;
    let sales = rows.iter().map(sale).collect::<Result<_, _>>()?;
    session.run("COMMIT").await.map_err(|error| Trouble::Other(away(&error.to_string())))?;
    Ok(sales)
}

async fn of_shard(
    client: &Client,
    statement: &str,
    map: &RoutingMap,
    shard: usize,
) -> Result<Vec<Row>, Trouble> {
    client.query(statement, &[]).await.map_err(|error| blamed(error, map, &[shard]))
}

/// Which shard an error is about: PostgreSQL names the server, or there is only one.
fn blamed(error: tokio_postgres::Error, map: &RoutingMap, asked: &[usize]) -> Trouble {
    let Some(answer) = error.as_db_error() else { return error.into() };
    // A connection that could not be made, or ended; a server that shuts down. The deadline, which
    // is ours, is 57014.
    let code = answer.code().code();
    let is_remote = code.starts_with("08") || code.starts_with("57P");
    let text = format!("{} {}", answer.message(), answer.where_().unwrap_or_default());
    let is_named = |shard: &&usize| text.contains(&format!("\"{}\"", map.names()[**shard]));
    let blamed = asked.iter().find(is_named).or(match asked {
        [only] => Some(only),
        _ => None,
    });
    match blamed {
        Some(shard) if is_remote => Trouble::Shard(*shard),
        _ => error.into(),
    }
}

fn sale(row: &Row) -> Result<Sale, tokio_postgres::Error> {
    Ok(Sale {
        shard: row.try_get(0)?,
        sku: row.try_get(1)?,
        title: row.try_get(2)?,
        currency: row.try_get(3)?,
        orders: row.try_get(4)?,
        units: row.try_get(5)?,
        cents: row.try_get(6)?,
    })
}

/// One branch for each shard, which that shard can do as a whole: join, sums, order and limit.
fn query(map: &RoutingMap, asked: &[usize], limit: u32) -> String {
    let branch = |shard: &usize| {
        let name = &map.names()[*shard];
        format!(
            "(SELECT {}::text AS shard, p.sku, p.title, t.currency, count(*) AS orders, \
             sum(t.quantity)::bigint AS units, sum(t.quantity * t.price_cents)::bigint AS cents \
             FROM {} t JOIN {} p ON p.slot = t.slot AND p.sku = t.sku WHERE t.state = 'taken' \
             GROUP BY p.sku, p.title, t.currency ORDER BY 7 DESC, 2 LIMIT {limit})",
            literal(name),
            table(name, "takes"),
            table(name, "products"),
        )
    };
    let branches: Vec<String> = asked.iter().map(branch).collect();
    format!(
        "SELECT * FROM ({}) AS sales ORDER BY cents DESC, sku LIMIT {limit}",
        branches.join(" UNION ALL ")
    )
}

/// What is sent to which shard, as PostgreSQL says it.
pub(super) async fn explain(
    reports: &Reports,
    limit: u32,
    deadline: Deadline,
) -> Result<String, Problem> {
    let map = reports.desk.router.map(deadline).await?;
    let (asked, _) = shards(reports, &map, &BTreeSet::new());
    if asked.is_empty() {
        return Err(away("no shard is there"));
    }
    let mut lent = reports.database.lend(deadline).await?;
    let statement = format!("EXPLAIN (VERBOSE, COSTS OFF) {}", query(&map, &asked, limit));
    let rows = lent.session().client().query(&statement, &[]);
    let rows = match timeout_at(deadline.instant(), rows).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => return Err(away(&DatabaseError::from(error).to_string())),
        Err(_) => return Err(away("the plan was not made in time")),
    };
    lent.give_back();
    let lines: Result<Vec<&str>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let lines = lines.map_err(|error| away(&error.to_string()))?;
    Ok(format!("{}\n", lines.join("\n")))
}
