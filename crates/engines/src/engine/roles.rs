//! Engines that take turns in being the primary: who is what is written in their data folders.
//!
//! Whoever decides on a failover ends the old primary, marks its folder so that no start of it can
//! take a write, and brings it back as a replica of the new one. Nothing here decides.

use std::time::Duration;

use super::error::EngineError;
use super::lifecycle::Engine;
use super::spec::Upstream;
use crate::process::Signal;
use crate::tool::EngineKind;
use crate::wait::wait_until;
use crate::{mysql, postgres};

/// A replica that fits its primary connects at once; one that does not says so in its log for ever.
const FOLLOWING_WITHIN: Duration = Duration::from_secs(10);

/// What an engine is when it is started the next time, by whomever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredRole {
    Primary,
    /// Read only. It follows the engine of that name; nobody, when it was fenced and has not been
    /// brought back yet.
    Replica {
        follows: Option<String>,
    },
}

/// How an old primary became a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejoined {
    /// What it had and the new primary has not was taken back.
    Rewound,
    /// Its data was made again from the new primary.
    Cloned,
    /// It had nothing that the new primary has not, and only catches up.
    Replayed,
}

impl Engine {
    /// What its data folder says that it is.
    ///
    /// # Errors
    /// When the folder cannot be read, or this kind of engine has no roles.
    pub fn stored_role(&self) -> Result<StoredRole, EngineError> {
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::stored_role(&self.site),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::stored_role(&self.site),
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("have a role")),
        }
    }

    /// Marks the folder of a server that has been ended, so that a start takes no write and follows
    /// nobody. The mark is on the disk when this returns.
    ///
    /// # Errors
    /// When it still runs, or the mark cannot be written.
    pub fn mark_fenced(&self) -> Result<(), EngineError> {
        self.check_ended("be fenced")?;
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::mark_fenced(&self.site),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::mark_fenced(&self.site),
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("be fenced")),
        }
    }

    /// Has the next start be one of a primary: crash recovery, and nothing that it acknowledged is
    /// lost.
    ///
    /// # Errors
    /// When it runs, or the folder cannot be written.
    pub fn mark_primary(&self) -> Result<(), EngineError> {
        self.check_ended("be made a primary")?;
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::mark_primary(&self.site),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::mark_primary(&self.site),
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("be made a primary")),
        }
    }

    /// Has the next start be one of a replica of the peer `primary`, from which it does not differ.
    ///
    /// # Errors
    /// When it runs, there is no such peer, or the folder cannot be written.
    pub fn mark_replica(&self, primary: &str) -> Result<(), EngineError> {
        self.check_ended("be made a replica")?;
        self.site.spec.upstream(primary)?;
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::mark_replica(&self.site, primary),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::mark_replica(&self.site, primary),
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("be made a replica")),
        }
    }

    /// Makes a stopped old primary a replica of the peer `primary`, which runs, and starts it.
    ///
    /// # Errors
    /// When it runs, there is no such peer, or neither its own data nor a copy of the primary's can
    /// be used. It does not run then, and its folder is still marked as fenced.
    pub async fn rejoin(&self, primary: &str) -> Result<Rejoined, EngineError> {
        self.check_ended("rejoin")?;
        let upstream = self.site.spec.upstream(primary)?;
        match self.site.spec.kind {
            EngineKind::Postgres => self.rejoin_postgres(primary, &upstream).await,
            EngineKind::Mariadb | EngineKind::Mysql => self.rejoin_mysql(primary, &upstream).await,
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("rejoin")),
        }
    }

    /// Makes a running server follow the peer `primary` from where it is. Does nothing when it
    /// does so already.
    ///
    /// # Errors
    /// When it does not run, is a primary whose end nobody has proved, or there is no such peer.
    pub async fn follow(&self, primary: &str) -> Result<(), EngineError> {
        let upstream = self.site.spec.upstream(primary)?;
        match self.site.spec.kind {
            EngineKind::Postgres => self.follow_postgres(primary, &upstream).await,
            EngineKind::Mariadb | EngineKind::Mysql => {
                let follows = StoredRole::Replica { follows: Some(primary.to_owned()) };
                let lag = self.lag().await.ok().flatten();
                if self.stored_role()? == follows && lag.is_some_and(|lag| lag.streaming) {
                    return Ok(());
                }
                mysql::follow(&self.site, &upstream).await?;
                mysql::mark_following(&self.site, primary)
            }
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("follow another one")),
        }
    }

    /// Its connection is mended by the server itself, as long as it knows whom to connect to.
    async fn follow_postgres(&self, primary: &str, upstream: &Upstream) -> Result<(), EngineError> {
        let engine = self.site.name();
        match self.stored_role()? {
            StoredRole::Replica { follows: Some(now) } if now == primary => return Ok(()),
            StoredRole::Replica { .. } => {}
            StoredRole::Primary => {
                return Err(EngineError::Running { engine, action: "follow another one" });
            }
        }
        postgres::follow_from_now(&self.site, primary, upstream).await?;
        let is_told = self.child().is_some_and(|child| child.signal(Signal::SIGHUP));
        if is_told { Ok(()) } else { Err(EngineError::NotRunning { engine }) }
    }

    async fn rejoin_postgres(
        &self,
        primary: &str,
        upstream: &Upstream,
    ) -> Result<Rejoined, EngineError> {
        let rewound = async {
            let rejoined = postgres::rewind(&self.site, primary, upstream).await?;
            self.start_following().await.map(|()| rejoined)
        };
        let why = match rewound.await {
            Ok(rejoined) => return Ok(rejoined),
            Err(why) => why,
        };
        tracing::warn!(engine = self.site.name(), %why, "cannot rejoin with its own data");
        self.end().await?;
        let rejoined = postgres::clone(&self.site, primary, upstream).await?;
        self.start_following().await.map(|()| rejoined)
    }

    async fn rejoin_mysql(
        &self,
        primary: &str,
        upstream: &Upstream,
    ) -> Result<Rejoined, EngineError> {
        let site = &self.site;
        let own_files = async {
            let rejoined = if site.spec.kind == EngineKind::Mysql {
                self.follow_with_own_files(primary, upstream).await?
            } else {
                let rejoined = mysql::reconcile(site, upstream).await?;
                mysql::mark_replica(site, primary)?;
                rejoined
            };
            self.start_following().await.map(|()| rejoined)
        };
        let why = match own_files.await {
            Ok(rejoined) => return Ok(rejoined),
            Err(why) => why,
        };
        tracing::warn!(engine = site.name(), %why, "cannot rejoin with its own data");
        self.end().await?;
        mysql::mark_fenced(site)?;
        let rejoined = mysql::clone(site, upstream).await?;
        mysql::mark_replica(site, primary)?;
        self.start_following().await.map(|()| rejoined)
    }

    /// Starts a MySQL as a replica of nobody, and makes it follow when it can.
    async fn follow_with_own_files(
        &self,
        primary: &str,
        upstream: &Upstream,
    ) -> Result<Rejoined, EngineError> {
        mysql::mark_fenced(&self.site)?;
        mysql::prepare_to_reconcile(&self.site, upstream).await?;
        self.start().await?;
        let rejoined = mysql::reconcile_running(&self.site, upstream).await?;
        mysql::follow(&self.site, upstream).await?;
        mysql::mark_following(&self.site, primary)?;
        Ok(rejoined)
    }

    /// Starts a replica unless it runs, and waits until it is sent what its primary writes.
    async fn start_following(&self) -> Result<(), EngineError> {
        self.start().await?;
        let reason = "it is sent nothing by its primary";
        let is_streaming =
            || async { self.lag().await.ok().flatten().filter(|lag| lag.streaming).map(drop) };
        let streams = wait_until(FOLLOWING_WITHIN, is_streaming).await;
        streams.ok_or_else(|| EngineError::NoAnswer {
            engine: self.site.name(),
            reason: reason.to_owned(),
        })
    }

    async fn end(&self) -> Result<(), EngineError> {
        match self.child() {
            Some(child) => Ok(child.kill_tree().await?),
            None => Ok(()),
        }
    }

    fn check_ended(&self, action: &'static str) -> Result<(), EngineError> {
        match self.is_running() {
            true => Err(EngineError::Running { engine: self.site.name(), action }),
            false => Ok(()),
        }
    }
}
