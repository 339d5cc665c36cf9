//! Starts every contender before the same origin, and stops it again.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::process::{Child, CommandSpec, Output, Spawner};
use standfast_engines::wait_until;

use crate::options::Options;
use crate::origin::{Origin, PATH};
use crate::rivals;

const READY_WITHIN: Duration = Duration::from_secs(10);

/// What stands between client and origin. The order is that of the turns and of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// The client talks to the origin itself.
    None,
    Standfast,
    Haproxy,
    Nginx,
}

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Standfast, Self::Haproxy, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Standfast => "standfast",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }
}

/// A contender that takes connections.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) contender: Contender,
    pub(crate) address: SocketAddr,
    /// Absent where nothing stands between.
    pub(crate) child: Option<Child>,
}

/// All contenders in the order of their turns, in processes that have done nothing yet.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) all: Vec<Running>,
}

impl Running {
    /// Where requests are answered.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }
}

impl Stand {
    /// Starts what this machine has; says what is missing.
    pub(crate) async fn bring_up(
        options: &Options,
        spawner: &Spawner,
        origin: &Origin,
    ) -> Result<Self> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-gateway");
        std::fs::create_dir_all(&folder)?;
        let mut all = Vec::new();
        for contender in options.only.iter().copied() {
            let name = contender.name();
            let program = match contender {
                Contender::None => {
                    all.push(Running { contender, address: origin.address, child: None });
                    continue;
                }
                Contender::Standfast => Some(options.binary.clone()),
                Contender::Haproxy | Contender::Nginx => rivals::on_path(name),
            };
            let Some(program) = program else {
                println!("skipped: {name} is not here; try `apt-get install {name}`");
                continue;
            };
            let started = start(contender, &program, spawner, origin.address, &folder).await;
            all.push(started.with_context(|| format!("cannot measure {name}"))?);
        }
        Ok(Self { all })
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        for child in self.all.into_iter().filter_map(|running| running.child) {
            child.kill_tree().await?;
        }
        Ok(())
    }
}

async fn start(
    contender: Contender,
    program: &Path,
    spawner: &Spawner,
    origin: SocketAddr,
    folder: &Path,
) -> Result<Running> {
    let (name, address) = (contender.name(), free_address()?);
    let file = folder.join(format!("{name}.conf"));
    let path = file.display().to_string();
    let mut environment: Vec<(OsString, OsString)> = Vec::new();
    let arguments = match contender {
        Contender::Haproxy => {
            std::fs::write(&file, rivals::haproxy(address, origin))?;
            vec!["-db".to_owned(), "-f".to_owned(), path]
        }
        Contender::Nginx => {
            std::fs::write(&file, rivals::nginx(address, origin, folder))?;
            vec!["-c".to_owned(), path, "-e".to_owned(), "stderr".to_owned()]
        }
        Contender::None | Contender::Standfast => {
            environment = gateway(origin, folder);
            let port = address.port().to_string();
            ["serve", "travelhub/gateway", "--port", &port].map(str::to_owned).into()
        }
    };
    let mut spec = CommandSpec::new(name, program).arguments(arguments);
    let log = folder.join(format!("{name}.log"));
    spec.output = Output::Log(log.clone());
    spec.environment = environment;
    let child = spawner.spawn(spec).await?;
    let answered = wait_until(READY_WITHIN, || async {
        let connected = tokio::net::TcpStream::connect(address).await;
        (connected.is_ok() || !child.is_running()).then_some(())
    });
    let is_ready = answered.await.is_some() && child.is_running();
    ensure!(is_ready, "not ready within {READY_WITHIN:?}, see {}", log.display());
    Ok(Running { contender, address, child: Some(child) })
}

/// All tactics are on, with their defaults but for the number of requests at once: sixty-four
/// clients without a pause are more than shedding would let in on two cores, and that is not what
/// is measured.
fn gateway(origin: SocketAddr, folder: &Path) -> Vec<(OsString, OsString)> {
    let url = format!("http://{origin}");
    let journal = folder.join("journal").display().to_string();
    let mut all = vec![
        ("JOURNAL_DIR", journal),
        ("CONCURRENCY_MIN", "128".to_owned()),
        ("CONCURRENCY_FIRST", "256".to_owned()),
    ];
    for name in ["SEARCH_URLS", "RESERVATIONS_URLS", "INVENTORY_URLS", "MONITOR_URLS", "WEB_URLS"] {
        all.push((name, url.clone()));
    }
    all.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// Free now; those who get it cannot be asked to choose one themselves.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
