//! One server of a cluster: opened, bound to its replica, sealed, promoted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, UrlError};
use tokio::time::sleep;

use super::link::Link;
use super::roll::Roll;
use super::session::MysqlSession;
use super::{Flavour, mariadb, mysql8};
use crate::core::{Copies, Cover, NodeId, NodeSet, Position};
use crate::database::{Asking, Database, DatabaseError, Members, Session};

/// Between looks at something that is about to happen.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(3);

/// Whoever changes the settings holds this lock of the server.
const SETTINGS_LOCK: &str = "standfast_watchdog";

/// Larger than any answer to a watchdog; asking the server for its own limit takes a round trip.
const PACKET_BYTES_MAX: usize = 16 << 20;

/// One MariaDB or MySQL server.
#[derive(Clone, Debug)]
pub struct MysqlServer(Arc<Server>);

/// What its sessions have to know of it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) flavour: Flavour,
    pub(super) node: NodeId,
    pub(super) options: Opts,
    pub(super) address: String,
    /// The database of the URL.
    pub(super) schema: String,
    pub(super) members: Members,
    pub(super) roll: Roll,
}

/// Why a cluster cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MysqlSetupError {
    #[error("a URL cannot be understood")]
    Url(#[from] UrlError),
    #[error("a cluster of MariaDB or MySQL is two servers, and these are {count}")]
    Count { count: usize },
}

impl MysqlServer {
    /// The two servers of a cluster at `urls`, in the order of `members`.
    ///
    /// # Errors
    /// When there are not two, or a URL cannot be understood.
    pub fn cluster(
        flavour: Flavour,
        urls: &[&str],
        members: &Members,
    ) -> Result<Vec<Self>, MysqlSetupError> {
        if urls.len() != 2 {
            return Err(MysqlSetupError::Count { count: urls.len() });
        }
        let roll = Roll::of(urls.len());
        let server = |(index, url): (usize, &&str)| {
            let options = Opts::from_url(url)?;
            let schema = options.db_name().unwrap_or_default().to_owned();
            let address = format!("{}:{}", options.ip_or_hostname(), options.tcp_port());
            let options = OptsBuilder::from_opts(options)
                // It need not be there yet.
                .db_name(None::<String>)
                .prefer_socket(false)
                .tcp_nodelay(true)
                .max_allowed_packet(Some(PACKET_BYTES_MAX))
                .wait_timeout(Some(28_800))
                .stmt_cache_size(0);
            let (members, roll) = (members.clone(), roll.clone());
            let (node, options) = (NodeId::new(index), options.into());
            Ok(Self(Arc::new(Server { flavour, node, options, address, schema, members, roll })))
        };
        urls.iter().enumerate().map(server).collect()
    }

    /// The address that a URL names, if it is one of an address.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub fn address_of(url: &str) -> Result<Option<SocketAddr>, UrlError> {
        let options = Opts::from_url(url)?;
        let host = options.ip_or_hostname().replace("localhost", "127.0.0.1");
        Ok(format!("{host}:{}", options.tcp_port()).parse().ok())
    }

    async fn set_cover(&self, cover: Cover) -> Result<(), DatabaseError> {
        let server = &*self.0;
        let mut link = server.open().await?;
        if cover != Cover::NONE && cover != server.cover() {
            return Err(link.failed("it can only wait for the other server, or for nobody"));
        }
        lock_settings(&mut link).await?;
        match server.flavour {
            Flavour::Mariadb => mariadb::enforce(&mut link, cover).await,
            Flavour::Mysql => mysql8::enforce(&mut link, server, cover).await,
        }
    }

    async fn close_and_tell(&self) -> Result<Position, DatabaseError> {
        let server = &*self.0;
        let mut link = server.open().await?;
        match server.flavour {
            Flavour::Mariadb => mariadb::seal(&mut link, server).await,
            Flavour::Mysql => mysql8::seal(&mut link, server).await,
        }
    }

    async fn open_for_writes(&self) -> Result<(), DatabaseError> {
        let server = &*self.0;
        let mut link = server.open().await?;
        lock_settings(&mut link).await?;
        match server.flavour {
            Flavour::Mariadb => mariadb::promote(&mut link).await?,
            Flavour::Mysql => mysql8::promote(&mut link, server).await?,
        }
        server.roll.forget(server.node);
        Ok(())
    }
}

impl Server {
    pub(super) async fn open(&self) -> Result<Link, DatabaseError> {
        Link::open(&self.options, &self.address).await
    }

    /// The server that sends to a replica which names `host` and `port`. Between them there may
    /// be a proxy: the number that the sender gave itself then tells who it is.
    pub(super) fn sender(&self, (host, port): (&str, u16), number: &str) -> Option<NodeId> {
        let by_number = || number.parse().ok().and_then(|number| self.roll.numbered(number));
        self.members.at(host, port).or_else(by_number)
    }

    /// A commit waits for the other one.
    pub(super) fn cover(&self) -> Cover {
        Cover::by(NodeSet::first(2).without(self.node), Copies::All)
    }
}

/// Waits until nobody else changes settings: whoever holds the lock is gone afterwards, so that
/// what an earlier call began has taken effect or never will. The lock ends with the connection.
async fn lock_settings(link: &mut Link) -> Result<(), DatabaseError> {
    let take = format!("SELECT COALESCE(GET_LOCK('{SETTINGS_LOCK}', 0), 0)");
    let holder = format!("SELECT COALESCE(IS_USED_LOCK('{SETTINGS_LOCK}'), 0)");
    while link.row::<u8>(&take).await? != 1 {
        let id: u64 = link.row(&holder).await?;
        if id != 0
            && let Err(error) = link.run(&format!("KILL {id}")).await
        {
            tracing::debug!(%error, "whoever held the lock is gone already");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

impl Database for MysqlServer {
    fn connect(&self) -> Asking<'_, Box<dyn Session>> {
        Box::pin(async {
            let link = self.0.open().await?;
            Ok(Box::new(MysqlSession::new(Arc::clone(&self.0), link)) as Box<dyn Session>)
        })
    }

    fn enforce(&self, cover: Cover) -> Asking<'_, ()> {
        Box::pin(self.set_cover(cover))
    }

    fn seal(&self) -> Asking<'_, Position> {
        Box::pin(self.close_and_tell())
    }

    fn promote(&self) -> Asking<'_, ()> {
        Box::pin(self.open_for_writes())
    }
}
