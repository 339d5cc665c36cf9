//! Children: waited for, stopped, frozen, captured, written down and never left behind.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use standfast_engines::process::{
    Child, CommandSpec, Exit, Guardian, Output, ProcessError, ProcessId, ProcessRecord, Signal,
    Spawner, StopPlan, holder_of_port, reap,
};
use standfast_engines::wait_until;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::place::temporary;

const SOON: Duration = Duration::from_secs(5);

fn spawner() -> Spawner {
    Spawner::start(Guardian::None).unwrap()
}

fn shell(script: &str) -> CommandSpec {
    CommandSpec::new("shell", "/bin/sh").arguments(["-c", script])
}

/// Starts a shell that has two sleepers below it, one of them in a session of its own.
async fn family(spawner: &Spawner) -> (Child, Vec<ProcessId>) {
    let child = spawner.spawn(shell("setsid sleep 1000 & sleep 1001 & wait")).await.unwrap();
    let both = || async { (child.descendants().len() == 2).then(|| child.descendants()) };
    let below = wait_until(SOON, both).await.expect("both sleepers have started");
    (child, below)
}

async fn all_gone(ids: &[ProcessId]) -> bool {
    let gone = || async { ids.iter().all(|id| !id.is_alive()).then_some(()) };
    wait_until(SOON, gone).await.is_some()
}

#[tokio::test]
async fn any_number_of_tasks_may_wait_for_one_end() {
    let child = spawner().spawn(shell("exit 7")).await.unwrap();
    let (first, second) = tokio::join!(child.wait(), child.wait());
    assert_eq!([first, second, child.wait().await], [Exit::Status(7); 3]);
    assert!(!child.is_running());
    assert!(!child.signal(Signal::SIGKILL), "nobody is there to be signalled");
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let error = spawner().spawn(CommandSpec::new("ghost", "/no/such/program")).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start `ghost` (`/no/such/program`)");
}

#[tokio::test]
async fn a_kill_takes_the_whole_family() {
    let spawner = spawner();
    let (child, below) = family(&spawner).await;
    child.kill_tree().await.unwrap();
    assert_eq!(child.wait().await, Exit::Signal(9));
    assert!(below.iter().all(|id| !id.is_alive()), "a kill returns when all are gone");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_family() {
    let spawner = spawner();
    let (child, mut family) = family(&spawner).await;
    family.push(child.id());
    let clone = child.clone();
    drop(child);
    assert!(family.iter().all(|id| id.is_alive()), "a clone still holds it");
    drop(clone);
    assert!(all_gone(&family).await);
}

#[tokio::test]
async fn what_a_dead_leader_leaves_in_its_group_is_swept_up() {
    let spawner = spawner();
    let child = spawner.spawn(shell("sleep 1000 & wait")).await.unwrap();
    let below = || async { child.descendants().first().copied() };
    let below = wait_until(SOON, below).await.expect("the sleeper has started");
    child.signal(Signal::SIGKILL);
    child.wait().await;
    assert!(all_gone(&[below]).await);
}

#[tokio::test]
async fn a_stop_reaches_the_program_behind_a_shell() {
    let spawner = spawner();
    let (child, below) = family(&spawner).await;
    let stopped = child.stop(StopPlan { signal: Signal::SIGTERM, grace: SOON }).await.unwrap();
    assert!(!stopped.killed);
    assert!(all_gone(&below).await, "also what had left for a session of its own");
}

#[tokio::test]
async fn a_stop_says_when_it_had_to_kill() {
    let spawner = spawner();
    let (lines, mut seen) = mpsc::channel(1);
    let log = temporary("stubborn.log");
    let mut command = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
    command.output = Output::Lines { log: log.clone(), lines };
    let child = spawner.spawn(command).await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), "deaf");
    let plan = StopPlan { signal: Signal::SIGTERM, grace: Duration::from_millis(100) };
    assert!(child.stop(plan).await.unwrap().killed);
    assert_eq!(child.exit(), Some(Exit::Signal(9)));
    fs::remove_file(log).unwrap();
}

#[tokio::test]
async fn a_pause_freezes_the_family_and_a_stop_wakes_it_up_first() {
    let spawner = spawner();
    let (child, below) = family(&spawner).await;
    let state = |id: &ProcessId| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", id.pid)).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    };
    child.pause_tree().await.unwrap();
    assert!(child.is_paused() && child.is_stopped());
    assert!(below.iter().all(|id| state(id) == 'T'), "verified in /proc");
    child.resume_tree().await.unwrap();
    assert!(!child.is_paused() && below.iter().all(|id| state(id) != 'T'));
    child.pause_tree().await.unwrap();
    let stopped = child.stop(StopPlan { signal: Signal::SIGTERM, grace: SOON }).await.unwrap();
    assert!(!stopped.killed, "it heard the signal");
    let error = child.pause_tree().await.unwrap_err();
    assert!(matches!(error, ProcessError::NotRunning { .. }), "{error}");
}

#[tokio::test]
async fn a_one_shot_command_is_fed_and_captured() {
    let mut command = shell("cat; echo trouble >&2; exit 3");
    command.input = b"fed".to_vec();
    let finished = spawner().run(command, SOON).await.unwrap();
    assert_eq!((finished.status, finished.stdout.as_slice()), (Exit::Status(3), &b"fed"[..]));
    assert_eq!(finished.complaint(), "trouble");
}

#[tokio::test]
async fn a_one_shot_command_that_takes_too_long_is_killed_with_its_children() {
    let path = temporary("late");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", path.display());
    let written = || async { fs::read_to_string(&path).ok()?.trim().parse().ok() };
    let spawner = spawner();
    let late = spawner.run(shell(&script), SOON / 10);
    let (error, pid) = tokio::join!(late, wait_until(SOON, written));
    let sleeper = pid.and_then(ProcessId::of).filter(|id| id.is_alive());
    assert!(matches!(error.unwrap_err(), ProcessError::Deadline { .. }));
    assert_eq!(sleeper, None);
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_one_shot_command_ends_when_nobody_waits_for_it_any_more() {
    let path = temporary("dropped");
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 1000", path.display());
    let spawner = spawner();
    let written = || async { ProcessId::of(fs::read_to_string(&path).ok()?.trim().parse().ok()?) };
    let shell = tokio::select! {
        finished = spawner.run(shell(&script), Duration::from_secs(60)) => panic!("{finished:?}"),
        shell = wait_until(SOON, written) => shell.unwrap(),
    };
    assert!(all_gone(&[shell]).await);
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_child_never_waits_for_the_reader_of_its_lines() {
    const LINES: u64 = 20_000;
    let (lines, mut seen) = mpsc::channel(4);
    let log = temporary("lines.log");
    let mut command = shell(&format!("seq 1 {LINES}; echo to the log only >&2"));
    command.output = Output::Lines { log: log.clone(), lines };
    let child = spawner().spawn(command).await.unwrap();
    let exit = tokio::time::timeout(SOON * 4, child.wait()).await.expect("nobody reads, it ends");
    assert!(exit.is_success());
    assert_eq!(child.lines_dropped(), LINES - 4, "what did not fit is counted");
    assert_eq!(seen.recv().await.unwrap(), "1", "what was handed on comes first");
    let logged = fs::read_to_string(&log).unwrap();
    assert_eq!(logged.lines().count() as u64, LINES + 1, "the log has all of it");
    fs::remove_file(log).unwrap();
}

#[tokio::test]
async fn only_a_process_that_started_when_it_should_have_is_reaped() {
    let child = spawner().spawn(shell("sleep 1000")).await.unwrap();
    let records = [ProcessRecord::from(&child)];
    let mut strangers = records.clone();
    strangers[0].id.start_time += 1;
    assert_eq!(reap(&strangers), []);
    assert!(child.is_running(), "the number alone does not condemn it");
    assert_eq!(reap(&records), records);
    assert_eq!(child.wait().await, Exit::Signal(9));
    assert_eq!(reap(&records), [], "it is gone");
}

#[tokio::test]
async fn a_record_survives_being_written_down() {
    let child = spawner().spawn(shell("sleep 1000")).await.unwrap();
    let record = ProcessRecord::from(&child);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<ProcessRecord>(&text).unwrap(), record);
}

#[test]
fn the_holder_of_a_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let holder = holder_of_port(port).unwrap();
    assert_eq!(holder.pid, std::process::id());
    drop(listener);
    assert_eq!(holder_of_port(port), None);
}

#[tokio::test]
async fn orphans_that_come_to_us_do_not_stay_as_zombies() {
    let spawner = spawner();
    // The inner shell ends at once, so its child becomes ours; it ends soon after.
    let script = "setsid sh -c 'sleep 0.2 & echo $!' ";
    let finished = spawner.run(shell(script), SOON).await.unwrap();
    let pid = String::from_utf8_lossy(&finished.stdout).trim().parse().unwrap();
    let start = Instant::now();
    // The housekeeping comes round every five seconds.
    let waited_for = || async { ProcessId::of(pid).is_none().then_some(()) };
    assert!(
        wait_until(Duration::from_secs(10), waited_for).await.is_some(),
        "{:?}",
        start.elapsed()
    );
}
