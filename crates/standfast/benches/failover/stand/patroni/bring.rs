//! Brings a cluster up: etcd, two agents that make their servers, HAProxy; all as the user that
//! engines run as, in a folder of their own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_engines::process::{Child, CommandSpec, Output, Spawner};
use standfast_engines::{Home, Tool, UserId, find, wait_until};
use standfast_lab::instance::Clock;
use uuid::Uuid;

use super::ports::{self, NodePorts};
use super::settings::{Agent, Variant, agent, haproxy};
use super::{Patroni, Stand};
use crate::client::Link;
use crate::target::{Kind, Node, Target, schema};

const NAMES: [&str; 2] = ["a", "b"];

/// A new data folder, and a copy of it.
const UP_WITHIN: Duration = Duration::from_secs(120);

/// What this machine has.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    patroni: PathBuf,
    etcd: PathBuf,
    haproxy: PathBuf,
    /// The folder of PostgreSQL's.
    postgres: PathBuf,
}

impl Programs {
    pub(crate) fn find() -> Result<Self> {
        let on_path = |name: &str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&paths)
                .chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from))
                .map(|folder| folder.join(name))
                .find(|path| path.is_file());
            found.with_context(|| {
                format!("`{name}` not found; try `apt-get install patroni etcd-server haproxy`")
            })
        };
        Ok(Self {
            patroni: on_path("patroni")?,
            etcd: on_path("etcd")?,
            haproxy: on_path("haproxy")?,
            postgres: find(Tool::Postgres, &Home::locate()?)?.path,
        })
    }
}

impl Patroni {
    pub(crate) async fn bring_up(
        variant: Variant,
        programs: &Programs,
        spawner: &Spawner,
        clock: &Clock,
    ) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("bench-patroni-{}", Uuid::now_v7()));
        make_folder(&folder)?;
        let ports = [NodePorts::free()?, NodePorts::free()?];
        let (proxy, password) = (ports::free()?, Uuid::now_v7().simple().to_string());
        let url = |user: &str, port: u16| {
            format!("postgresql://{user}:{password}@127.0.0.1:{port}/postgres")
        };
        let user = Kind::Postgres.cluster();
        let node = |place: usize| Node {
            name: NAMES[place].to_owned(),
            url: url(user, ports[place].postgres),
            admin_url: url("postgres", ports[place].postgres),
        };
        let mut stand = Self {
            target: Target {
                kind: Kind::Postgres,
                proxy: url(user, proxy),
                nodes: [node(0), node(1)],
            },
            variant,
            clock: clock.clone(),
            spawner: spawner.clone(),
            programs: programs.clone(),
            folder,
            ports,
            agents: [Mutex::new(None), Mutex::new(None)],
            others: Vec::new(),
        };
        let up = stand.start(proxy, &password).await;
        match up {
            Ok(()) => Ok(stand),
            Err(error) => {
                let shown = stand.folder.join("a.log");
                let log = fs::read_to_string(&shown).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                stand.take_down().await?;
                Err(error.context(last.join("\n")))
            }
        }
    }

    async fn start(&mut self, proxy: u16, password: &str) -> Result<()> {
        let etcd = self.start_etcd().await?;
        for (place, name) in NAMES.into_iter().enumerate() {
            let folder = self.folder.join(name);
            make_folder(&folder)?;
            let programs = &self.programs.postgres;
            let ports = self.ports[place];
            let given = Agent { name, folder: &folder, programs, ports, etcd, password };
            fs::write(self.folder.join(format!("{name}.yml")), agent(self.variant, &given))?;
            self.start_agent(place).await?;
            // Whoever is first makes the data, and the other one copies them.
            let is_up = || async {
                let first = &self.target.nodes[0];
                self.ports[0].is_primary().await.then_some(())?;
                Link::open(Kind::Postgres, &first.admin_url).await.ok()
            };
            wait_until(UP_WITHIN, is_up).await.context("the first server does not come up")?;
        }
        let mut link = Link::open(Kind::Postgres, &self.target.nodes[0].admin_url).await?;
        let user = Kind::Postgres.cluster();
        link.run(&format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'")).await?;
        link.run(&schema(Kind::Postgres)).await?;
        let file = self.folder.join("haproxy.cfg");
        fs::write(&file, haproxy(self.variant, proxy, self.ports))?;
        let arguments = ["-db".into(), "-f".into(), file.into_os_string()];
        let child = self.spawn("haproxy", &self.programs.haproxy, arguments).await?;
        self.others.push(child);
        self.at_rest().await.map(drop)
    }

    async fn start_etcd(&mut self) -> Result<u16> {
        let (clients, peers) = (ports::free()?, ports::free()?);
        let folder = self.folder.join("etcd");
        make_folder(&folder)?;
        let (clients_url, peers_url) =
            (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
        let options = [
            ("--name", "etcd".to_owned()),
            ("--data-dir", folder.join("data").display().to_string()),
            ("--listen-client-urls", clients_url.clone()),
            ("--advertise-client-urls", clients_url),
            ("--listen-peer-urls", peers_url.clone()),
            ("--initial-advertise-peer-urls", peers_url.clone()),
            ("--initial-cluster", format!("etcd={peers_url}")),
        ];
        let arguments = options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        let child = self.spawn("etcd", &self.programs.etcd, arguments.map(Into::into)).await?;
        self.others.push(child);
        Ok(clients)
    }

    pub(super) async fn start_agent(&self, node: usize) -> Result<()> {
        let name = NAMES[node];
        let file = self.folder.join(format!("{name}.yml")).into_os_string();
        let child = self.spawn(name, &self.programs.patroni, [file]).await?;
        *self.agents[node].lock().expect("nobody panics with it in hand") = Some(child);
        Ok(())
    }

    async fn spawn(
        &self,
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Child> {
        let mut spec = CommandSpec::new(name, program).arguments(arguments);
        spec.user = UserId::unprivileged()?;
        spec.output = Output::Log(self.folder.join(format!("{name}.log")));
        Ok(self.spawner.spawn(spec).await?)
    }
}

/// A folder that only the user of engines may enter.
fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| path.display().to_string())?;
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    if let Some(user) = UserId::unprivileged()? {
        user.own(path)?;
    }
    Ok(())
}
