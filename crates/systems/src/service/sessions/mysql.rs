//! Sessions with MariaDB and MySQL, which speak one protocol.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};

use super::{DatabaseError, Session};

/// More texts of statements than a service has.
const STATEMENTS_MAX: usize = 64;

/// A session.
#[derive(Debug)]
pub(crate) struct MysqlSession {
    connection: Conn,
}

impl MysqlSession {
    /// What a URL says, for sessions that do nothing but what they are told.
    pub(crate) fn address(url: &str) -> Result<Opts, mysql_async::UrlError> {
        let options = OptsBuilder::from_opts(Opts::from_url(url)?)
            // A socket would pass by the proxy.
            .prefer_socket(false)
            .tcp_nodelay(true)
            .stmt_cache_size(STATEMENTS_MAX)
            .init(vec![
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                "SET SESSION innodb_lock_wait_timeout = 2",
            ]);
        Ok(options.into())
    }

    pub(crate) fn connection(&mut self) -> &mut Conn {
        &mut self.connection
    }
}

impl Session for MysqlSession {
    type Address = Opts;

    async fn open(address: &Opts) -> Result<Self, DatabaseError> {
        Ok(Self { connection: Conn::new(address.clone()).await? })
    }

    fn is_closed(&self) -> bool {
        self.connection.is_disconnected()
    }

    async fn probe(&mut self) -> Result<(), DatabaseError> {
        let read_only: Option<u8> = self.connection.query_first("SELECT @@read_only").await?;
        match read_only {
            Some(0) => Ok(()),
            Some(_) | None => Err(DatabaseError::ReadOnly("read_only is on".to_owned())),
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        Ok(self.connection.query_drop(sql).await?)
    }
}
