//! Data folders of a system, made once and copied for every instance.
//!
//! Loading a catalogue and copying a replica take seconds to minutes, copying files takes
//! milliseconds. A template is known by a hash of all that went into it, so a changed script or
//! another version of an engine makes another one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{Flock, FlockArg};
use serde_json::json;
use sha2::{Digest, Sha256};
use standfast_engines::process::Spawner;
use standfast_engines::{
    CopyError, Engine, EngineError, EngineKind, Home, Installation, Secrets, SecretsError, Tool,
    copy_tree,
};

use super::engine_set::{EnginePlaces, engine_spec};
use super::events::EventSink;
use super::folder::FolderError;
use super::kafka::kafka_spec;
use super::ports::{PortError, PortPlan, Ports};
use crate::spec::{EngineDeclaration, SourceError, System};

/// Counts changes of what this file does: templates of other versions are not used.
const FORMAT: u32 = 1;
/// Bytes of the hash in a folder's name: chance collisions are out of the question.
const HASH_BYTES: usize = 8;

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("init script of engine `{engine}`: {source}")]
    Script { engine: String, source: SourceError },
    #[error("engine `{engine}` while its template is made: {source}")]
    Engine { engine: String, source: Box<EngineError> },
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

/// What a template is made from.
#[derive(Clone, Debug)]
pub(crate) struct TemplateRequest {
    pub(crate) system: Arc<System>,
    /// The engines that run here.
    pub(crate) engines: Vec<String>,
    pub(crate) tools: BTreeMap<Tool, Installation>,
    pub(crate) home: Home,
    pub(crate) spawner: Spawner,
    pub(crate) events: EventSink,
}

/// A template that stays as it is while this is held.
#[derive(Debug)]
pub(crate) struct Template {
    folder: PathBuf,
    _lock: Flock<File>,
}

impl Template {
    /// Finds the template, or makes it.
    pub(crate) async fn ensure(request: &TemplateRequest) -> Result<Self, TemplateError> {
        let scripts = read_scripts(request)?;
        let name = format!("{}{}", prefix(&request.system), hash(request, &scripts));
        let folder = request.home.templates().join(&name);
        if !folder.is_dir() {
            let lock = lock(&request.home, &name, FlockArg::LockExclusive).await?;
            // Somebody else may have made it while we waited.
            if !folder.is_dir() {
                build(request, &scripts, &folder).await?;
                remove_older(request, &name);
            }
            drop(lock);
        }
        let lock = lock(&request.home, &name, FlockArg::LockShared).await?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn secrets(&self) -> Result<Secrets, SecretsError> {
        Secrets::load(&self.folder.join("secrets.json"))
    }

    /// Copies the data of an engine to `to`, which must not exist.
    pub(crate) async fn copy(&self, engine: &str, to: &Path) -> Result<(), CopyError> {
        let (from, to) = (self.folder.join(engine), to.to_owned());
        tokio::task::spawn_blocking(move || {
            // Renamed when it is whole: half a copy must not be taken for data.
            let partial = to.with_extension("partial");
            drop(fs::remove_dir_all(&partial));
            copy_tree(&from, &partial)?;
            fs::rename(&partial, &to).map_err(|source| CopyError { from: partial, to, source })
        })
        .await
        .expect("a copy cannot panic")
    }
}

/// The text of every init script, by engine.
type Scripts = BTreeMap<String, Vec<(String, String)>>;

fn read_scripts(request: &TemplateRequest) -> Result<Scripts, TemplateError> {
    let mut scripts = Scripts::new();
    for engine in &request.engines {
        let mut texts = Vec::new();
        for name in &request.system.engines[engine].init {
            let text = request
                .system
                .source
                .read(name)
                .map_err(|source| TemplateError::Script { engine: engine.clone(), source })?;
            texts.push((name.clone(), text));
        }
        scripts.insert(engine.clone(), texts);
    }
    Ok(scripts)
}

/// What the templates of a system have in common. With more brokers it is another one's, so that
/// runs of both kinds, in turn, do not delete each other's.
fn prefix(system: &System) -> String {
    match system.brokers {
        Some(brokers) => format!("{}-{brokers}-brokers-", system.name),
        None => format!("{}-", system.name),
    }
}

fn hash(request: &TemplateRequest, scripts: &Scripts) -> String {
    let engines = request.engines.iter().map(|name| {
        // A port goes into the configuration of each start, not into the data.
        let declared = EngineDeclaration { port: 0, ..request.system.engines[name].clone() };
        let tool = EngineKind::from(declared.kind).tool();
        let installation = &request.tools[&tool];
        json!([name, declared, installation.version, installation.flavour, scripts[name]])
    });
    let all = json!([FORMAT, engines.collect::<Vec<_>>()]);
    let digest = Sha256::digest(all.to_string());
    digest[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn lock(home: &Home, name: &str, how: FlockArg) -> Result<Flock<File>, TemplateError> {
    let path = home.templates().join(format!("{name}.lock"));
    let locked = tokio::task::spawn_blocking(move || {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&path);
        let file = file.map_err(FolderError::io("open", &path))?;
        Flock::lock(file, how).map_err(|(_, errno)| FolderError::io("lock", &path)(errno.into()))
    });
    Ok(locked.await.expect("taking a lock cannot panic")?)
}

async fn build(
    request: &TemplateRequest,
    scripts: &Scripts,
    folder: &Path,
) -> Result<(), TemplateError> {
    let system = &request.system;
    request.events.send(request.events.lab("template", &system.name));
    let building = folder.with_extension("building");
    drop(fs::remove_dir_all(&building));
    super::folder::make(&building)?;
    let ports = request.engines.iter().map(|name| (name.clone(), 0)).collect();
    let ports = PortPlan::choose(&ports, Ports::Automatic)?;
    let secrets = Secrets::generate();
    secrets.save(&building.join("secrets.json"))?;
    let in_order = system.start_order.iter().filter(|name| request.engines.contains(name));
    let mut running = Vec::new();
    for name in in_order {
        let (data, log) = (building.join(name), building.join(format!("{name}.log")));
        let places = EnginePlaces {
            data: &data,
            log: &log,
            ports: ports.all(),
            secrets: &secrets,
            host: None,
            upstream: None,
            kafka: kafka_spec(system, name, |member| {
                let port = ports.of(member).unwrap_or_default();
                SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
            }),
            // Nobody takes turns before there is an instance.
            peers: Vec::new(),
            agent: None,
            backends: Vec::new(),
            configuration: None,
        };
        let spec = engine_spec(system, name, &places);
        let fail =
            |source| TemplateError::Engine { engine: name.clone(), source: Box::new(source) };
        let installation = request.tools[&spec.kind.tool()].clone();
        let engine = Engine::create(spec, &installation, &request.spawner, &request.home)
            .await
            .map_err(fail)?;
        engine.start().await.map_err(fail)?;
        for (_, text) in &scripts[name] {
            engine.run_sql(text, &system.engines[name].variables).await.map_err(fail)?;
        }
        running.push((name, engine));
    }
    // Replicas first, so that none misses the end of its primary's log.
    for (name, engine) in running.into_iter().rev() {
        engine.stop().await.map_err(|source| TemplateError::Engine {
            engine: name.clone(),
            source: Box::new(source),
        })?;
    }
    fs::rename(&building, folder).map_err(FolderError::io("rename", &building))?;
    Ok(())
}

/// Deletes templates of earlier versions of the system that nobody copies just now.
fn remove_older(request: &TemplateRequest, current: &str) {
    let prefix = prefix(&request.system);
    let entries = fs::read_dir(request.home.templates()).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_older = name != current
            && name.strip_prefix(&prefix).is_some_and(|hash| {
                hash.len() == 2 * HASH_BYTES && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
        if !is_older {
            continue;
        }
        let lock = OpenOptions::new()
            .append(true)
            .open(request.home.templates().join(format!("{name}.lock")));
        let is_free = |file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok();
        if lock.is_ok_and(is_free) {
            // What cannot be deleted now is tried again with the next template.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
