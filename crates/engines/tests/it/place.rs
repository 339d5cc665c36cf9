//! A place for one test: its own home, its own ports, engines that end with it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{
    Engine, EngineKind, EngineSpec, Home, Installation, KafkaSpec, Secrets, Upstream, find,
};

/// Templates are shared by all tests and runs, as they are in production.
fn shared_home() -> Home {
    Home::at(scratch().join(format!("standfast-test-home-{}", nix::unistd::getuid())))
}

/// What all tests together need at the same time, with a margin.
const BYTES_NEEDED: u64 = 4 << 30;

/// Memory when there is enough of it: how busy the machine's disk is should not decide how long the
/// tests take. Whether data is synced is not what they test.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let free = nix::sys::statvfs::statvfs(&memory)
        .map_or(0, |space| space.blocks_available() * space.fragment_size());
    if free >= BYTES_NEEDED { memory } else { std::env::temp_dir() }
}

/// A path that no other test and no other run uses.
pub(crate) fn temporary(name: &str) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("standfast-test-{}-{number}-{name}", std::process::id());
    scratch().join(name)
}

pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) root: PathBuf,
    pub(crate) spawner: Spawner,
    pub(crate) secrets: Secrets,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        Self::with_guardian(name, Guardian::None)
    }

    pub(crate) fn with_guardian(name: &str, guardian: Guardian) -> Self {
        let home = shared_home();
        let root = temporary(name);
        let spawner = Spawner::start(guardian).unwrap();
        Self { home, root, spawner, secrets: Secrets::generate() }
    }

    pub(crate) fn spec(&self, name: &str, kind: EngineKind) -> EngineSpec {
        let is_sql = matches!(kind, EngineKind::Postgres | EngineKind::Mariadb | EngineKind::Mysql);
        EngineSpec {
            name: name.to_owned(),
            kind,
            host: None,
            port: if kind == EngineKind::Kafka { steady_port() } else { free_port() },
            data: self.root.join("data").join(name),
            log: self.root.join("logs").join(format!("{name}.log")),
            database: is_sql.then(|| "offers".to_owned()),
            user: is_sql.then(|| "offers".to_owned()),
            settings: BTreeMap::new(),
            replica_of: None,
            peers: Vec::new(),
            agent: None,
            backends: Vec::new(),
            configuration: None,
            kafka: KafkaSpec::default(),
            secrets: self.secrets.clone(),
        }
    }

    pub(crate) fn replica_spec(&self, name: &str, primary: &Engine) -> EngineSpec {
        let replica_of = Some(upstream(primary));
        EngineSpec { replica_of, ..self.spec(name, primary.spec().kind) }
    }

    pub(crate) async fn create(&self, spec: EngineSpec) -> Engine {
        Engine::create(spec.clone(), &self.installation(spec.kind), &self.spawner, &self.home)
            .await
            .unwrap()
    }

    pub(crate) fn adopt(&self, spec: EngineSpec) -> Engine {
        let installation = self.installation(spec.kind);
        Engine::adopt(spec, &installation, &self.spawner).unwrap()
    }

    /// Found where this machine has it; only data is kept apart for tests.
    pub(crate) fn installation(&self, kind: EngineKind) -> Installation {
        find(kind.tool(), &Home::locate().unwrap()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Engines that a test still holds end before this, as it is declared first.
        drop(std::fs::remove_dir_all(&self.root));
    }
}

pub(crate) fn upstream(primary: &Engine) -> Upstream {
    Upstream {
        host: "127.0.0.1".to_owned(),
        port: primary.spec().port,
        slot: "standfast_replica".to_owned(),
    }
}

/// A port that nobody uses now. Another process may take it before we do, which no test here has
/// seen, since the kernel goes through the whole range first.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A port below the range that the kernel takes for outgoing connections: a broker that is killed
/// comes back to its port, and its clients must not sit on it when they look for it.
pub(crate) fn steady_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let range = 20_000..32_000_u32;
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = range.start + next % (range.end - range.start);
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
