//! A session with MariaDB or MySQL, and the wait of a service of MySQL for its replica.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};
use tokio::time::sleep;

use super::link::LinkError;
use crate::target::Target;

/// Before a replica is asked again that could not be.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct MysqlLink(Conn);

impl MysqlLink {
    pub(super) async fn open(url: &str) -> Result<Self, LinkError> {
        open(url).await.map(Self).map_err(told)
    }

    pub(super) async fn execute(&mut self, statement: &str) -> Result<(), LinkError> {
        self.0.query_drop(statement).await.map_err(told)
    }

    pub(super) async fn texts(&mut self, query: &str) -> Result<Vec<String>, LinkError> {
        self.0.query(query).await.map_err(told)
    }

    pub(super) async fn pairs(&mut self, query: &str) -> Result<Vec<(i64, i64)>, LinkError> {
        self.0.query(query).await.map_err(told)
    }
}

async fn open(url: &str) -> Result<Conn, Error> {
    let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
    Conn::new(options).await
}

fn told(error: Error) -> LinkError {
    match error {
        Error::Server(error) => {
            // The server is on its way down, or has ended the session.
            let is_refusal = !matches!(error.code, 1053 | 1927 | 3169);
            LinkError { is_refusal, why: format!("error {}", error.code) }
        }
        Error::Io(_) => LinkError::broken("broken"),
        Error::Driver(_) => LinkError::broken("closed"),
        Error::Other(_) | Error::Url(_) => LinkError::broken("another error"),
    }
}

/// Waits, after a commit, until a replica has executed it: what app3 of order-saga does, since this
/// build of MySQL has no semi-synchronous replication.
#[derive(Debug)]
pub(super) struct Duty {
    /// Both servers, and which of them the primary is not.
    servers: Vec<Server>,
    standing: String,
}

#[derive(Debug)]
struct Server {
    url: String,
    session: Option<(String, Conn)>,
}

impl Duty {
    pub(super) fn of(target: &Target) -> Self {
        let server = |node: &crate::target::Node| Server { url: node.url.clone(), session: None };
        let table = target.table("replication_duty");
        let standing = format!(
            "SELECT required, @@global.gtid_executed, @@server_uuid FROM {table} WHERE id = 1"
        );
        Self { servers: target.nodes.iter().map(server).collect(), standing }
    }

    /// A replica that cannot be asked is asked again; only the session with the primary must last.
    pub(super) async fn secure(&mut self, primary: &mut MysqlLink) -> Result<(), LinkError> {
        loop {
            let standing: Option<(u8, String, String)> =
                primary.0.query_first(&self.standing).await.map_err(told)?;
            let Some((required, gtids, primary)) = standing else {
                return Err(LinkError::broken("nobody says whether to wait"));
            };
            if required == 0 {
                return Ok(());
            }
            for server in &mut self.servers {
                if server.has(&gtids, &primary).await == Some(true) {
                    return Ok(());
                }
            }
            sleep(PAUSE).await;
        }
    }
}

impl Server {
    /// `None` for the primary itself, and when it cannot be asked.
    async fn has(&mut self, gtids: &str, primary: &str) -> Option<bool> {
        let (uuid, mut session) = match self.session.take() {
            Some(session) => session,
            None => {
                let mut session = open(&self.url).await.ok()?;
                (session.query_first("SELECT @@server_uuid").await.ok()??, session)
            }
        };
        if uuid == primary {
            self.session = Some((uuid, session));
            return None;
        }
        let wait = "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 0.1)";
        let executed: Option<u8> = session.exec_first(wait, (gtids,)).await.ok()?;
        self.session = Some((uuid, session));
        Some(executed == Some(0))
    }
}
