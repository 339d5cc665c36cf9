//! An engine's life: made or adopted, started, broken, stopped, removed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::address;
use super::error::EngineError;
use super::leftovers::{discard_data, end_leftovers};
use super::site::Site;
use super::spec::{EngineSpec, Lag};
use crate::home::Home;
use crate::process::{Child, Exit, Spawner, Stopped, holder_of_port, is_port_free, last_lines};
use crate::tool::{EngineKind, Installation};
use crate::user::UserId;
use crate::wait::wait_until;
use crate::{etcd, haproxy, kafka, mysql, nginx, postgres, valkey};

/// Crash recovery of half a gigabyte of log on a busy machine is the longest start there is.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A port of a process that has just been killed may take a moment to be free.
const PORT_FREE_WITHIN: Duration = Duration::from_millis(500);

/// How much of the log an error shows.
const LAST_LINES_MAX: usize = 12;

/// A server that is ours: started by us, and gone when this value is dropped.
///
/// Methods take `&self`, so that one task can wait for its end while another one stops it. Whoever
/// supervises it sees to it that starts and stops do not overlap.
#[derive(Debug)]
pub struct Engine {
    pub(super) site: Site,
    child: Mutex<Option<Child>>,
}

impl Engine {
    /// Makes the data folder: from a template that is made once per version, or, for a replica,
    /// from its running primary. Does not start it.
    ///
    /// # Errors
    /// When the folder exists already, or a program of the engine fails.
    pub async fn create(
        spec: EngineSpec,
        installation: &Installation,
        spawner: &Spawner,
        home: &Home,
    ) -> Result<Self, EngineError> {
        let engine = Self::new(spec, installation, spawner)?;
        match engine.site.spec.kind {
            EngineKind::Postgres => postgres::create(&engine.site, home).await?,
            EngineKind::Mariadb | EngineKind::Mysql => mysql::create(&engine.site, home).await?,
            EngineKind::Valkey => valkey::create(&engine.site)?,
            EngineKind::Kafka => kafka::create(&engine.site, home).await?,
            EngineKind::Haproxy => haproxy::create(&engine.site)?,
            EngineKind::Nginx => nginx::create(&engine.site)?,
            EngineKind::Etcd => etcd::create(&engine.site)?,
        }
        Ok(engine)
    }

    /// Takes over a data folder that is there already: kept by a stop, or copied from a template
    /// with [`crate::copy_tree`]. Ports and peers may differ, the secrets may not. A proxy keeps
    /// nothing, so that its folder is made when there is none.
    ///
    /// # Errors
    /// When the folder is not one of an engine of this kind.
    pub fn adopt(
        spec: EngineSpec,
        installation: &Installation,
        spawner: &Spawner,
    ) -> Result<Self, EngineError> {
        let engine = Self::new(spec, installation, spawner)?;
        let kind = engine.site.spec.kind;
        if kind == EngineKind::Haproxy && !engine.has_data() {
            haproxy::create(&engine.site)?;
        }
        if kind == EngineKind::Nginx && !engine.has_data() {
            nginx::create(&engine.site)?;
        }
        if kind == EngineKind::Etcd && !engine.has_data() {
            etcd::create(&engine.site)?;
        }
        if !engine.has_data() {
            let data = engine.site.spec.data.clone();
            return Err(EngineError::NoData { engine: engine.site.name(), data });
        }
        Ok(engine)
    }

    fn new(
        spec: EngineSpec,
        installation: &Installation,
        spawner: &Spawner,
    ) -> Result<Self, EngineError> {
        let site = Site {
            spec,
            installation: installation.clone(),
            spawner: spawner.clone(),
            user: UserId::unprivileged()?,
        };
        Ok(Self { site, child: Mutex::new(None) })
    }

    /// Starts it and waits until it answers a real query. Does nothing when it runs already. A
    /// member of a Kafka cluster that cannot answer yet, as there is no majority of its cluster,
    /// counts as started when it waits for the others.
    ///
    /// # Errors
    /// When its port is taken, it ends early, or it does not answer in time. The error shows the
    /// last lines of its log, and nothing of it is left running.
    pub async fn start(&self) -> Result<(), EngineError> {
        if self.is_running() {
            return Ok(());
        }
        // An agent goes on with a server that it finds.
        if self.site.spec.agent.is_none() {
            self.check_port().await?;
            let data = self.site.spec.data.clone();
            tokio::task::spawn_blocking(move || end_leftovers(&data))
                .await
                .expect("a walk of /proc cannot panic");
        }
        self.site.make_parent(&self.site.spec.log)?;
        let command = match self.site.spec.kind {
            EngineKind::Postgres => match &self.site.spec.agent {
                Some(agent) => {
                    postgres::prepare_agent(&self.site, agent)?;
                    postgres::agent_command(&self.site, agent)
                }
                None => {
                    postgres::prepare(&self.site)?;
                    postgres::command(&self.site)
                }
            },
            EngineKind::Mariadb | EngineKind::Mysql => {
                mysql::prepare(&self.site)?;
                mysql::command(&self.site)
            }
            EngineKind::Valkey => {
                valkey::prepare(&self.site)?;
                valkey::command(&self.site)
            }
            EngineKind::Kafka => {
                kafka::prepare(&self.site)?;
                kafka::command(&self.site)?
            }
            EngineKind::Haproxy => {
                haproxy::prepare(&self.site)?;
                haproxy::command(&self.site)
            }
            EngineKind::Nginx => {
                nginx::prepare(&self.site)?;
                nginx::command(&self.site)
            }
            EngineKind::Etcd => etcd::command(&self.site),
        };
        let child = self.site.spawner.spawn(command).await?;
        *self.slot() = Some(child.clone());
        let ready = self.come_up(&child).await;
        if ready.is_err() {
            child.kill_tree().await?;
            self.end_server().await?;
        }
        ready
    }

    async fn check_port(&self) -> Result<(), EngineError> {
        let EngineSpec { host, port, .. } = &self.site.spec;
        let is_free = || match host {
            // A host that cannot be entered will say so when the server is started there.
            Some(host) => host.is_port_free(*port).unwrap_or(true),
            None => is_port_free(*port),
        };
        let free = || async { is_free().then_some(()) };
        wait_until(PORT_FREE_WITHIN, free).await.ok_or_else(|| EngineError::PortBusy {
            engine: self.site.name(),
            port: *port,
            holder: match host {
                Some(host) => host.holder_of_port(*port).ok().flatten(),
                None => holder_of_port(*port),
            },
        })
    }

    async fn come_up(&self, child: &Child) -> Result<(), EngineError> {
        let reason = Mutex::new("it has not come up".to_owned());
        let answers = || async {
            if self.site.spec.kind == EngineKind::Postgres
                && self.site.spec.agent.is_none()
                && !postgres::has_come_up(&self.site, child)
            {
                return None;
            }
            let answer = self.ready().await;
            if self.site.spec.kind == EngineKind::Kafka
                && answer.is_err()
                && kafka::waits_for_quorum(&self.site).await
            {
                return Some(());
            }
            answer.map_err(|error| *lock(&reason) = error.to_string()).ok()
        };
        let (engine, log) = (self.site.name(), self.site.spec.log.clone());
        tokio::select! {
            exit = child.wait() => {
                let last_lines = last_lines(&log, LAST_LINES_MAX);
                return Err(EngineError::Exited { engine, exit, log, last_lines });
            }
            answer = wait_until(START_WITHIN, answers) => if answer.is_none() {
                return Err(EngineError::NotReady {
                    engine,
                    within: START_WITHIN,
                    reason: lock(&reason).clone(),
                    last_lines: last_lines(&log, LAST_LINES_MAX),
                    log,
                });
            }
        }
        match self.site.spec.kind {
            EngineKind::Valkey => valkey::forget_snapshot(&self.site),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::follow_as_declared(&self.site).await,
            EngineKind::Postgres
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Ok(()),
        }
    }

    /// Stops it in order, so that its data is kept; by force when it does not comply.
    ///
    /// # Errors
    /// When something of it cannot be ended.
    pub async fn stop(&self) -> Result<Stopped, EngineError> {
        let Some(child) = self.child() else { return Ok(Stopped { killed: false }) };
        if self.site.spec.agent.is_some() {
            let stopped = postgres::stop_agent(&child).await?;
            self.end_server().await?;
            return Ok(stopped);
        }
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::stop(&child).await,
            EngineKind::Mariadb | EngineKind::Mysql => mysql::stop(&child).await,
            EngineKind::Valkey => valkey::stop(&child).await,
            EngineKind::Kafka => kafka::stop(&self.site, &child).await,
            EngineKind::Haproxy => haproxy::stop(&child).await,
            EngineKind::Nginx => nginx::stop(&child).await,
            EngineKind::Etcd => etcd::stop(&child).await,
        }
    }

    /// Kills the server and all its processes at once, as a crash would.
    ///
    /// # Errors
    /// When something of it survives.
    pub async fn kill(&self) -> Result<(), EngineError> {
        self.running()?.kill_tree().await?;
        self.end_server().await
    }

    /// Freezes the server and all its processes: connections stay, nothing answers.
    ///
    /// # Errors
    /// When it does not run, or not all of it can be frozen.
    pub async fn pause(&self) -> Result<(), EngineError> {
        self.running()?.pause_tree().await?;
        self.freeze_server().await
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it does not run, or stays frozen.
    pub async fn resume(&self) -> Result<(), EngineError> {
        self.thaw_server().await?;
        Ok(self.running()?.resume_tree().await?)
    }

    /// Stops it in order and starts it again.
    ///
    /// # Errors
    /// As [`Engine::stop`] and [`Engine::start`].
    pub async fn restart(&self) -> Result<(), EngineError> {
        self.stop().await?;
        self.start().await
    }

    /// Empties a cache; returns how many keys went.
    ///
    /// # Errors
    /// When it does not answer. For a database, which nobody wants to lose.
    pub async fn flush(&self) -> Result<u64, EngineError> {
        match self.site.spec.kind {
            EngineKind::Valkey => valkey::flush(&self.site).await,
            EngineKind::Postgres
            | EngineKind::Mariadb
            | EngineKind::Mysql
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("be flushed")),
        }
    }

    /// Asks one real question, and waits two seconds at most for the answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ready(&self) -> Result<(), EngineError> {
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::answer(&self.site).await,
            EngineKind::Mariadb | EngineKind::Mysql => mysql::answer(&self.site).await,
            EngineKind::Valkey => valkey::answer(&self.site).await,
            EngineKind::Kafka => kafka::answer(&self.site).await,
            EngineKind::Haproxy => haproxy::answer(&self.site).await,
            EngineKind::Nginx => nginx::answer(&self.site).await,
            EngineKind::Etcd => etcd::answer(&self.site).await,
        }
    }

    /// How far a replica is behind; `None` for anything that is no replica.
    ///
    /// # Errors
    /// When the replica or its primary does not answer.
    pub async fn lag(&self) -> Result<Option<Lag>, EngineError> {
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::lag(&self.site).await,
            EngineKind::Mariadb | EngineKind::Mysql => mysql::lag(&self.site).await,
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Ok(None),
        }
    }

    /// Runs an SQL script as superuser in the engine's database. It reads each variable as
    /// `current_setting('standfast.NAME')`, or `@standfast_NAME` where that is not PostgreSQL.
    ///
    /// # Errors
    /// With the server's message and the line, when a statement fails.
    pub async fn run_sql(
        &self,
        script: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::run_script(&self.site, script, variables).await,
            EngineKind::Mariadb | EngineKind::Mysql => {
                mysql::run_script(&self.site, script, variables).await
            }
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd => Err(self.unsupported("run SQL")),
        }
    }

    /// Ends it and deletes its data folder.
    ///
    /// # Errors
    /// When that folder does not look like its own: then nothing is deleted.
    pub async fn remove(self) -> Result<(), EngineError> {
        let data = self.site.spec.data.clone();
        if !self.has_data() {
            return Err(EngineError::NotItsData { engine: self.site.name(), data });
        }
        if let Some(child) = self.child() {
            child.kill_tree().await?;
        }
        discard_data(&data).map_err(|source| self.site.io("remove", &data, source))
    }

    /// Whether its process runs, frozen or not.
    pub fn is_running(&self) -> bool {
        self.slot().as_ref().is_some_and(Child::is_running)
    }

    /// Waits for the end of its process; `None` when it was never started.
    pub async fn wait_exit(&self) -> Option<Exit> {
        let child = self.child()?;
        Some(child.wait().await)
    }

    /// How services reach it, with their own role and password.
    pub fn url(&self) -> String {
        address::url(&self.site.spec)
    }

    /// How the lab itself reaches it, with every right.
    pub fn admin_url(&self) -> String {
        address::admin_url(&self.site.spec)
    }

    /// Where it takes the commands of whoever runs it, when that is a socket of its own.
    pub fn socket(&self) -> Option<PathBuf> {
        (self.site.spec.kind == EngineKind::Haproxy).then(|| haproxy::socket(&self.site))
    }

    pub fn spec(&self) -> &EngineSpec {
        &self.site.spec
    }

    pub fn installation(&self) -> &Installation {
        &self.site.installation
    }

    /// Its process as last started, also when that has ended since.
    pub fn child(&self) -> Option<Child> {
        self.slot().clone()
    }

    pub(super) fn running(&self) -> Result<Child, EngineError> {
        self.child()
            .filter(Child::is_running)
            .ok_or_else(|| EngineError::NotRunning { engine: self.site.name() })
    }

    fn has_data(&self) -> bool {
        match self.site.spec.kind {
            EngineKind::Postgres => postgres::is_data_folder(&self.site.spec.data),
            EngineKind::Mariadb | EngineKind::Mysql => mysql::is_data_folder(&self.site.spec.data),
            EngineKind::Valkey => valkey::is_data_folder(&self.site.spec.data),
            EngineKind::Kafka => kafka::is_data_folder(&self.site.spec.data),
            EngineKind::Haproxy => haproxy::is_data_folder(&self.site.spec.data),
            EngineKind::Nginx => nginx::is_data_folder(&self.site.spec.data),
            EngineKind::Etcd => self.site.spec.data.is_dir(),
        }
    }

    pub(super) fn unsupported(&self, action: &'static str) -> EngineError {
        EngineError::Unsupported { engine: self.site.name(), kind: self.site.spec.kind, action }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Child>> {
        lock(&self.child)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The last handle, if nobody else waits for the process; it kills.
        drop(self.slot().take());
        if self.site.spec.agent.is_some() {
            end_leftovers(&self.site.spec.data);
        }
        if self.site.spec.kind == EngineKind::Postgres {
            postgres::release_shared_memory(&self.site.spec.data);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
