//! A session, whatever is at its other end.

use std::fmt;

use anyhow::Result;

use super::mysql::MysqlLink;
use super::postgres::PostgresLink;
use crate::target::{Kind, Target};

#[derive(Debug)]
pub(crate) enum Link {
    Postgres(PostgresLink),
    Mysql(MysqlLink),
}

/// Why a server did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct LinkError {
    /// It answered that it will not; the session goes on.
    pub(crate) is_refusal: bool,
    /// Few words, the same for each case of a kind: they are counted.
    pub(crate) why: String,
}

impl LinkError {
    pub(super) fn broken(why: impl fmt::Display) -> Self {
        Self { is_refusal: false, why: why.to_string() }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for LinkError {}

impl Link {
    pub(crate) async fn open(kind: Kind, url: &str) -> Result<Self, LinkError> {
        match kind {
            Kind::Postgres => PostgresLink::open(url).await.map(Self::Postgres),
            Kind::Mariadb | Kind::Mysql => MysqlLink::open(url).await.map(Self::Mysql),
        }
    }

    /// Whether it is known, without asking, that it leads nowhere any more.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Postgres(link) => link.is_closed(),
            Self::Mysql(_) => false,
        }
    }

    /// Writes a row, in one transaction with its count.
    pub(super) async fn write(
        &mut self,
        target: &Target,
        client: usize,
        sequence: u64,
    ) -> Result<(), LinkError> {
        let (kept, counted) = (target.table("kept"), target.table("counted"));
        let insert = format!("INSERT INTO {kept} (writer, sequence) VALUES ({client}, {sequence})");
        match self {
            Self::Postgres(link) => {
                let count =
                    format!("UPDATE {counted} SET total = total + 1 WHERE writer = {client}");
                link.execute(&format!("WITH done AS ({count}) {insert}")).await
            }
            // A trigger counts.
            Self::Mysql(link) => link.execute(&insert).await,
        }
    }

    /// Writes a row that nobody looks for.
    pub(crate) async fn probe(
        &mut self,
        target: &Target,
        server: usize,
        at_us: u64,
    ) -> Result<(), LinkError> {
        let probed = target.table("probed");
        self.execute(&format!("INSERT INTO {probed} (server, at_us) VALUES ({server}, {at_us})"))
            .await
    }

    /// Statements of an administrator.
    pub(crate) async fn run(&mut self, statements: &str) -> Result<(), LinkError> {
        self.execute(statements).await
    }

    async fn execute(&mut self, statement: &str) -> Result<(), LinkError> {
        match self {
            Self::Postgres(link) => link.execute(statement).await,
            Self::Mysql(link) => link.execute(statement).await,
        }
    }

    /// Rows of one column of text.
    pub(crate) async fn texts(&mut self, query: &str) -> Result<Vec<String>, LinkError> {
        match self {
            Self::Postgres(link) => link.texts(query).await,
            Self::Mysql(link) => link.texts(query).await,
        }
    }

    /// Pairs of whole numbers.
    pub(crate) async fn pairs(&mut self, query: &str) -> Result<Vec<(i64, i64)>, LinkError> {
        match self {
            Self::Postgres(link) => link.pairs(query).await,
            Self::Mysql(link) => link.pairs(query).await,
        }
    }
}
