//! Starts every contender before the same origin, and stops it again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::process::{Child, CommandSpec, Output, Spawner};
use standfast_engines::wait_until;

use super::contender::Contender;
use super::control::Control;
use super::descriptors::Descriptors;
use super::origin::Origin;
use super::rivals::{self, Route};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// The programs that this machine has.
#[derive(Debug)]
pub(crate) struct Programs {
    found: Vec<(Contender, PathBuf)>,
    spawner: Spawner,
    descriptors: Descriptors,
    /// For configurations and logs.
    folder: PathBuf,
}

/// A contender that takes connections.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) contender: Contender,
    /// Leads to the origin's answers.
    pub(crate) answers: SocketAddr,
    /// Leads to the origin's stream.
    pub(crate) streams: SocketAddr,
    /// Of those that speak Toxiproxy's API.
    pub(crate) control: Option<Control>,
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
        format!("http://{}/", self.answers)
    }
}

impl Programs {
    /// Finds or builds what is on `only`; says what is missing and how to get it.
    pub(crate) async fn find(
        only: &[Contender],
        standfast: &Path,
        spawner: Spawner,
        descriptors: Descriptors,
    ) -> Result<Self> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-proxy");
        std::fs::create_dir_all(&folder)?;
        let mut found = Vec::new();
        for contender in only.iter().copied() {
            let (program, missing) = match contender {
                Contender::None => continue,
                Contender::Standfast => (Some(standfast.to_owned()), "not built"),
                Contender::Toxiproxy => {
                    let built = rivals::build_toxiproxy(&spawner, &folder).await?;
                    (built, "there is no `go` on PATH to build it")
                }
                Contender::Haproxy => {
                    (rivals::on_path("haproxy"), "not found; try `apt-get install haproxy`")
                }
                Contender::Nginx => (
                    rivals::on_path("nginx"),
                    "not found; try `apt-get install nginx libnginx-mod-stream`",
                ),
            };
            match program {
                Some(program) => found.push((contender, program)),
                None => println!("skipped: {}: {missing}", contender.name()),
            }
        }
        Ok(Self { found, spawner, descriptors, folder })
    }

    /// Fresh processes of every contender.
    pub(crate) async fn bring_up(&self, origin: &Origin) -> Result<Stand> {
        let mut all = vec![Running {
            contender: Contender::None,
            answers: origin.answers,
            streams: origin.streams,
            control: None,
            child: None,
        }];
        for (contender, program) in &self.found {
            let name = contender.name();
            let running = self.start(*contender, program, origin).await;
            all.push(running.with_context(|| format!("cannot measure {name}"))?);
        }
        Ok(Stand { all })
    }

    /// One more process of a contender that speaks Toxiproxy's API, without proxies.
    pub(crate) async fn server(&self, contender: Contender) -> Result<Option<(Child, Control)>> {
        let Some((_, program)) = self.found.iter().find(|(found, _)| *found == contender) else {
            return Ok(None);
        };
        let address = free_address()?;
        let arguments = match contender {
            Contender::Standfast => {
                vec!["proxy".to_owned(), "--listen".into(), address.to_string()]
            }
            Contender::Toxiproxy => {
                let port = address.port().to_string();
                vec!["-host".to_owned(), "127.0.0.1".to_owned(), "-port".to_owned(), port]
            }
            Contender::None | Contender::Haproxy | Contender::Nginx => return Ok(None),
        };
        let child = self.spawn(contender, program, arguments).await?;
        self.ready(&child, address).await?;
        Ok(Some((child, Control { address })))
    }

    async fn start(
        &self,
        contender: Contender,
        program: &Path,
        origin: &Origin,
    ) -> Result<Running> {
        if let Some((child, control)) = self.server(contender).await? {
            let answers = control.create("answers", origin.answers).await?;
            let streams = control.create("streams", origin.streams).await?;
            let (control, child) = (Some(control), Some(child));
            return Ok(Running { contender, answers, streams, control, child });
        }
        let (answers, streams) = (free_address()?, free_address()?);
        let routes = [
            Route { name: "answers", listen: answers, upstream: origin.answers },
            Route { name: "streams", listen: streams, upstream: origin.streams },
        ];
        let file = self.folder.join(format!("{}.conf", contender.name()));
        let path = file.display().to_string();
        let (text, arguments) = if contender == Contender::Nginx {
            let text = self.nginx(program, &routes).await?;
            (text, vec!["-c".to_owned(), path, "-e".to_owned(), "stderr".to_owned()])
        } else {
            let text = rivals::haproxy(&routes, self.descriptors);
            (text, vec!["-db".to_owned(), "-f".to_owned(), path])
        };
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        let child = self.spawn(contender, program, arguments).await?;
        self.ready(&child, answers).await?;
        Ok(Running { contender, answers, streams, control: None, child: Some(child) })
    }

    async fn nginx(&self, program: &Path, routes: &[Route]) -> Result<String> {
        let spec = CommandSpec::new("nginx", program).arguments(["-V"]);
        let built = self.spawner.run(spec, READY_WITHIN).await?;
        let flags = String::from_utf8_lossy(&built.stderr);
        Ok(rivals::nginx(&flags, routes, self.descriptors, &self.folder))
    }

    async fn spawn(
        &self,
        contender: Contender,
        program: &Path,
        arguments: Vec<String>,
    ) -> Result<Child> {
        let mut spec = CommandSpec::new(contender.name(), program).arguments(arguments);
        spec.output = Output::Log(self.log(contender.name()));
        // Toxiproxy logs every connection otherwise, and nobody measures logging.
        spec.environment = vec![("LOG_LEVEL".into(), "error".into())];
        Ok(self.spawner.spawn(spec).await?)
    }

    async fn ready(&self, child: &Child, address: SocketAddr) -> Result<()> {
        let answered = wait_until(READY_WITHIN, || async {
            let connected = tokio::net::TcpStream::connect(address).await;
            (connected.is_ok() || !child.is_running()).then_some(())
        });
        let is_ready = answered.await.is_some() && child.is_running();
        let log = self.log(child.name());
        ensure!(is_ready, "not ready within {READY_WITHIN:?}, see {}", log.display());
        Ok(())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

impl Stand {
    pub(crate) async fn take_down(self) -> Result<()> {
        for child in self.all.into_iter().filter_map(|running| running.child) {
            child.kill_tree().await?;
        }
        Ok(())
    }
}

/// Free now; those who get it cannot be asked to choose one themselves.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
