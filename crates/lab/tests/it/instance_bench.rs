//! A system of plain processes in a home of its own.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use standfast_engines::Home;
use standfast_engines::process::{Guardian, Spawner};
use standfast_history::Event;
use standfast_lab::instance::{
    Clock, EventSink, Instance, Network, Ports, ProcessState, ProvisionError, ProvisionOptions,
};
use standfast_lab::spec::{System, SystemSource};
use tokio::sync::mpsc;

/// Longer than anything here takes on a busy machine: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a few lines: it answers, reports an event, and ends when it is told to.
const WEB: &str = r#"import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(3)
        metrics = "answers_total{path=\"/\"} 7\nup 1\n"
        body = metrics if self.path == "/metrics" else os.environ["GREETING"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments):
        pass

print('{"event":"state","target":"cache","is":"fresh"}')
print("plain words")
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.serve_forever()
"#;

/// One web server on Valkey.
pub(crate) const SHOP: &str = r#"name = "shop"
title = "A shop"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["python3", "web.py", "{port}"]
port = 5000
needs = ["cache"]
env = { GREETING = "hello", CACHE_URL = "{cache.url}" }
ready = { http = "/" }
[tactic.politeness]
title = "Greet"
without = { web = { env = { GREETING = "what" } } }
[scenario.home]
service = "web"
method = "GET"
path = "/"
"#;

/// A home, a system and a spawner that are gone when this is dropped.
pub(crate) struct Bench {
    pub(crate) root: PathBuf,
    pub(crate) home: Home,
    pub(crate) system: Arc<System>,
    pub(crate) spawner: Spawner,
}

impl Bench {
    pub(crate) fn new(system: &str) -> Self {
        Self::with_files(system, &[])
    }

    /// The same with more files in the folder of the system, each a name and a text.
    pub(crate) fn with_files(system: &str, files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("standfast-lab-{}-{count}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let folder = root.join("system");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("web.py"), WEB).unwrap();
        std::fs::write(folder.join("system.toml"), system).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let home = Home::at(root.join("home"));
        home.prepare().unwrap();
        share_engines(&home);
        let system = Arc::new(System::load(SystemSource::Folder(folder)).unwrap());
        Self { root, home, system, spawner: Spawner::start(Guardian::None).unwrap() }
    }

    pub(crate) fn options(&self, name: &str) -> (ProvisionOptions, Events) {
        let (events, stream) = EventSink::channel(Clock::started());
        let options = ProvisionOptions {
            name: name.to_owned(),
            home: self.home.clone(),
            ports: Ports::Automatic,
            without: Vec::new(),
            environment: BTreeMap::new(),
            external: BTreeMap::new(),
            network: Network::Direct,
            own_hosts: false,
            seed: 1,
            ephemeral: true,
            serve_binary: PathBuf::from("/nonexistent"),
            spawner: self.spawner.clone(),
            events,
        };
        (options, Events { stream, seen: Vec::new() })
    }

    pub(crate) async fn up(&self, name: &str) -> (Instance, Events) {
        let (options, events) = self.options(name);
        (self.provision(options).await.unwrap(), events)
    }

    pub(crate) async fn provision(
        &self,
        options: ProvisionOptions,
    ) -> Result<Instance, ProvisionError> {
        Instance::provision(&self.system, options).await
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.root));
    }
}

/// What `setup` brought is used where it is; everything else is made here.
fn share_engines(home: &Home) {
    let Ok(usual) = Home::locate() else { return };
    let entries = std::fs::read_dir(usual.engines()).into_iter().flatten().flatten();
    for entry in entries {
        let link = home.engines().join(entry.file_name());
        std::os::unix::fs::symlink(entry.path(), link).unwrap();
    }
}

/// The events of an instance, as they come.
pub(crate) struct Events {
    stream: mpsc::Receiver<Event>,
    pub(crate) seen: Vec<Event>,
}

impl Events {
    /// Waits for the next event of this kind about `target`.
    pub(crate) async fn wait(&mut self, event: &str, target: &str) -> Event {
        let wanted = |seen: &Event| seen.event == event && seen.target.as_deref() == Some(target);
        let next = async {
            loop {
                let event = self.stream.recv().await.expect("the instance lives");
                self.seen.push(event.clone());
                if wanted(&event) {
                    return event;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, next).await;
        waited.unwrap_or_else(|_| panic!("no `{event}` about `{target}`"))
    }

    pub(crate) fn into_stream(self) -> mpsc::Receiver<Event> {
        self.stream
    }

    /// Kinds of all events about `target` so far.
    pub(crate) fn about(&mut self, target: &str) -> Vec<String> {
        while let Ok(event) = self.stream.try_recv() {
            self.seen.push(event);
        }
        let about = self.seen.iter().filter(|event| event.target.as_deref() == Some(target));
        about.map(|event| event.event.clone()).collect()
    }
}

/// The body of `GET path`, over a connection of its own; `None` when there is no answer.
pub(crate) async fn get(instance: &Instance, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(instance.endpoint("web")?).await.ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_millis(500), stream.read_to_string(&mut answer));
    read.await.ok()?.ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

pub(crate) async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let reached =
        standfast_engines::wait_until(PATIENCE, || async { condition().await.then_some(()) });
    assert!(reached.await.is_some(), "never: {what}");
}

pub(crate) fn state(instance: &Instance, name: &str) -> ProcessState {
    let processes = instance.processes();
    processes.iter().find(|process| process.name == name).unwrap().state
}

pub(crate) fn is_alive(pid: u32) -> bool {
    // A process that nobody has waited for yet is still listed, and ended.
    std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}
