//! Asks every server of a managed cluster, again and again and past every proxy, whether it takes
//! writes: the claim that there are never two primaries rests on what these looks saw.
//!
//! A look is a question to the server itself by the session of a watchdog. By one session, before
//! and after, a server is the same process, so that it took writes all the time between two such
//! answers. That time is told as the event `reigned` when it is over.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use standfast_failover::database::mysql::{Flavour, MysqlServer};
use standfast_failover::database::postgres::Postgres;
use standfast_failover::database::{Database, Members, Session};
use tokio::time::{sleep, timeout};

use crate::claim::REIGNED;
use crate::instance::{EventSink, Instance};
use crate::spec::{Claim, EngineKind, Measure};

/// The shortest double reign that is sure to be seen is twice as long.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A server that is frozen answers nothing, and then nobody learns that it takes writes.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);

/// Looks at one server.
#[derive(Debug)]
pub(crate) struct Lookout {
    cluster: String,
    server: String,
    database: Arc<dyn Database>,
    events: EventSink,
}

/// One for each server of every managed cluster; none when no claim asks for it.
///
/// # Errors
/// When a server has no address at which it could be asked.
pub(crate) fn lookouts(instance: &Instance, claims: &[Claim]) -> Result<Vec<Lookout>, String> {
    if !claims.iter().any(|claim| claim.measure == Measure::TwoPrimaries) {
        return Ok(Vec::new());
    }
    let mut clusters: BTreeMap<&str, Vec<(&str, EngineKind)>> = BTreeMap::new();
    for (name, engine) in &instance.system().engines {
        if let Some(manager) = &engine.managed_by {
            clusters.entry(manager).or_default().push((name, engine.kind));
        }
    }
    let mut lookouts = Vec::new();
    for (manager, servers) in clusters {
        let databases = databases(instance, &servers);
        let databases = databases.map_err(|why| format!("cannot look at `{manager}`'s: {why}"))?;
        let named = servers.iter().zip(databases);
        lookouts.extend(named.map(|((server, _), database)| Lookout {
            cluster: manager.to_owned(),
            server: (*server).to_owned(),
            database,
            events: instance.events().clone(),
        }));
    }
    Ok(lookouts)
}

fn databases(
    instance: &Instance,
    servers: &[(&str, EngineKind)],
) -> Result<Vec<Arc<dyn Database>>, String> {
    let url = |server: &str| {
        instance.admin_url(server).ok_or_else(|| format!("`{server}` has no URL of its own"))
    };
    let urls: Vec<&str> =
        servers.iter().map(|(server, _)| url(server)).collect::<Result<_, _>>()?;
    let members = |address: &dyn Fn(&str) -> Option<SocketAddr>| {
        let member = |((server, _), url): (&(&str, EngineKind), &&str)| {
            let at = address(url).ok_or_else(|| format!("`{server}` has no address"))?;
            Ok(((*server).to_owned(), at))
        };
        servers.iter().zip(&urls).map(member).collect::<Result<Vec<_>, String>>().map(Members::new)
    };
    let flavour = match servers.first().map(|(_, kind)| kind) {
        Some(EngineKind::Mariadb) => Flavour::Mariadb,
        Some(EngineKind::Mysql) => Flavour::Mysql,
        Some(
            EngineKind::Postgres
            | EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd,
        )
        | None => {
            let members = members(&|url| Postgres::address_of(url).ok().flatten())?;
            let open = |url: &&str| Postgres::new(url, members.clone());
            let databases = urls.iter().map(open).collect::<Result<Vec<_>, _>>();
            let databases = databases.map_err(|error| error.to_string())?;
            return Ok(databases.into_iter().map(shared).collect());
        }
    };
    let members = members(&|url| MysqlServer::address_of(url).ok().flatten())?;
    let databases = MysqlServer::cluster(flavour, &urls, &members);
    let databases = databases.map_err(|error| error.to_string())?;
    Ok(databases.into_iter().map(shared).collect())
}

fn shared(database: impl Database + 'static) -> Arc<dyn Database> {
    Arc::new(database)
}

impl Lookout {
    /// Looks until it is dropped.
    pub(crate) async fn keep_looking(self) {
        loop {
            if let Ok(Ok(session)) = timeout(ANSWER_TIME_MAX, self.database.connect()).await {
                self.look_by(session).await;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Looks until the session is of no use any more.
    async fn look_by(&self, mut session: Box<dyn Session>) {
        let clock = self.events.clock();
        let mut reign: Option<Reign<'_>> = None;
        loop {
            let asked_us = clock.now_us();
            match timeout(ANSWER_TIME_MAX, session.report()).await {
                Ok(Ok(report)) if report.is_writable => {
                    let from_us = clock.now_us();
                    let begun = || Reign { lookout: self, from_us, until_us: from_us };
                    let reign = reign.get_or_insert_with(begun);
                    reign.until_us = reign.until_us.max(asked_us);
                }
                Ok(Ok(_read_only)) => reign = None,
                Ok(Err(_)) | Err(_) => return,
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// A time in which the server takes writes; told when it is dropped.
struct Reign<'a> {
    lookout: &'a Lookout,
    from_us: u64,
    until_us: u64,
}

impl Drop for Reign<'_> {
    fn drop(&mut self) {
        let Lookout { cluster, server, events, .. } = self.lookout;
        let event = events.lab(REIGNED, server).with("cluster", cluster.clone());
        events.send(event.with("from_us", self.from_us).with("until_us", self.until_us));
    }
}
