//! `kill -9` of a process that owns children, shells and a frozen server: nothing may be left.
//!
//! The owner is this very test program, started again with one of the two bodies below as its only
//! test; so is its guardian.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use standfast_engines::process::{
    Child, CommandSpec, Guardian, Output, ProcessId, Signal, Spawner, guard,
};
use standfast_engines::{EngineKind, discard_data, wait_until};
use tokio::sync::mpsc;

use crate::place::{Place, temporary};

const IS_NEST: &str = "STANDFAST_TEST_IS_NEST";
/// The guardian gives itself ten seconds; two are plenty unless it has missed something.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// A dead guardian is noticed by the housekeeping, which comes round every five seconds.
const NEW_GUARDIAN_WITHIN: Duration = Duration::from_secs(10);

fn body(name: &str) -> Vec<std::ffi::OsString> {
    ["--ignored", "--exact", "--nocapture", name].map(Into::into).to_vec()
}

#[test]
#[ignore = "the body of a guardian process"]
fn guardian_body() {
    assert_eq!(guard(std::io::stdin()), 0, "something was left");
}

#[tokio::test]
#[ignore = "the body of a process that owns others"]
async fn nest_body() {
    assert!(std::env::var_os(IS_NEST).is_some(), "only makes sense as a process of its own");
    let program = std::env::current_exe().unwrap();
    let guardian = Guardian::Program { program, arguments: body("nest::guardian_body") };
    let place = Place::with_guardian("nest", guardian);
    let engine = place.create(place.spec("primary", EngineKind::Postgres)).await;
    engine.start().await.unwrap();
    engine.pause().await.unwrap();
    let script = "setsid sleep 1000 & sleep 1001 & wait";
    let shell = CommandSpec::new("shell", "/bin/sh").arguments(["-c", script]);
    let shell = place.spawner.spawn(shell).await.unwrap();
    let two = || async { (shell.descendants().len() == 2).then_some(()) };
    wait_until(Duration::from_secs(5), two).await.expect("both sleepers have started");

    let server = engine.child().unwrap();
    let mut owned = vec![server.id(), shell.id()];
    owned.extend(server.descendants());
    owned.extend(shell.descendants());
    let owned: Vec<String> =
        owned.iter().map(|id| format!("{}:{}", id.pid, id.start_time)).collect();
    println!("\nnest {} {}", place.root.display(), owned.join(" "));
    std::future::pending::<()>().await;
}

/// A running nest, and everything that it owns.
struct Nest {
    process: Child,
    root: PathBuf,
    log: PathBuf,
    owned: Vec<ProcessId>,
}

async fn nest(spawner: &Spawner) -> Nest {
    let (lines, mut seen) = mpsc::channel(64);
    let log = temporary("nest.log");
    let mut command = CommandSpec::new("nest", std::env::current_exe().unwrap());
    command.arguments = body("nest::nest_body");
    command.environment.push((IS_NEST.into(), "yes".into()));
    command.output = Output::Lines { log: log.clone(), lines };
    let process = spawner.spawn(command).await.unwrap();
    let announcement = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let line = seen.recv().await.expect("the nest ended early, see its log");
            if let Some(announcement) = line.strip_prefix("nest ") {
                return announcement.to_owned();
            }
        }
    });
    let announcement = announcement.await.unwrap();
    let (root, owned) = announcement.split_once(' ').unwrap();
    let identity = |text: &str| {
        let (pid, start_time) = text.split_once(':').unwrap();
        ProcessId { pid: pid.parse().unwrap(), start_time: start_time.parse().unwrap() }
    };
    let owned = owned.split(' ').map(identity).collect();
    Nest { process, root: root.into(), log, owned }
}

impl Nest {
    fn alive(&self) -> Vec<ProcessId> {
        self.owned.iter().copied().filter(|id| id.is_alive()).collect()
    }

    /// Its child that is neither the server nor the shell.
    fn guardian(&self) -> Option<ProcessId> {
        self.process.descendants().into_iter().find(|id| {
            let command = std::fs::read_to_string(format!("/proc/{}/cmdline", id.pid));
            command.is_ok_and(|command| command.contains("guardian_body"))
        })
    }

    async fn kill_and_check(self) {
        assert!(self.alive().len() >= 8, "a server, its helpers, a shell and two sleepers");
        self.process.signal(Signal::SIGKILL);
        let gone = || async { self.alive().is_empty().then_some(()) };
        let result = wait_until(GONE_WITHIN, gone).await;
        let names: BTreeMap<_, _> = self
            .alive()
            .into_iter()
            .map(|id| (id.pid, std::fs::read_to_string(format!("/proc/{}/stat", id.pid))))
            .collect();
        for id in self.alive() {
            id.signal(Signal::SIGKILL);
        }
        discard_data(&self.root.join("data/primary")).unwrap();
        std::fs::remove_dir_all(&self.root).unwrap();
        std::fs::remove_file(&self.log).unwrap();
        assert!(result.is_some(), "left behind: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_the_owner_leaves_no_child_no_grandchild_and_no_frozen_backend() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    nest(&spawner).await.kill_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guardian_that_was_killed_is_replaced_and_knows_everything() {
    let spawner = Spawner::start(Guardian::None).unwrap();
    let nest = nest(&spawner).await;
    let first = nest.guardian().expect("a guardian");
    assert!(first.signal(Signal::SIGKILL));
    let another = || async { nest.guardian().filter(|id| *id != first) };
    wait_until(NEW_GUARDIAN_WITHIN, another).await.expect("another guardian");
    nest.kill_and_check().await;
}
