//! `standfast failover playbook`: every command of recovery for a cluster as it is now.
//!
//! What is true of all engines stands here; what only one of them has, beside it.

use std::fmt::Write;

use super::cluster_file::EngineName;
use super::finding::{Found, Origin};
use super::postgres_recovery;

/// A situation, and the commands that lead out of it.
pub(super) struct Section {
    pub(super) title: String,
    /// Comments begin with `#`.
    pub(super) lines: Vec<String>,
}

impl Section {
    pub(super) fn new(title: impl Into<String>, lines: &[&str]) -> Self {
        Self { title: title.into(), lines: lines.iter().map(ToString::to_string).collect() }
    }
}

pub(super) fn text(found: &Found) -> String {
    let status = &found.status;
    let mut sections = vec![looking(found), switching(found), returning(found)];
    if found.engine() == Some(EngineName::Postgres) {
        sections.extend(postgres_recovery::sections(found));
    }
    sections.extend([forcing(found), router(found), watchdog(found)]);
    let mut text = format!(
        "# Playbook of {}: {} is primary in epoch {}. docs/guide/failover.md explains each step.\n",
        status.cluster, status.primary, status.epoch
    );
    for (index, section) in sections.iter().enumerate() {
        write!(text, "\n## {}. {}\n", index + 1, section.title).expect("a string takes any text");
        for line in &section.lines {
            writeln!(text, "{line}").expect("a string takes any text");
        }
    }
    text.trim_end().to_owned()
}

/// A command of standfast about this cluster.
fn command(found: &Found, verb: &str, rest: &str) -> String {
    format!("standfast failover {verb} {}{rest}{}", found.status.cluster, found.option())
}

/// The one that a person would choose: who is out, else who is not primary.
pub(super) fn candidate(found: &Found) -> String {
    let status = &found.status;
    let others = status.nodes.iter().map(|node| &node.name).filter(|name| **name != status.primary);
    let out = status.fenced.keys().next();
    out.or(others.into_iter().next()).cloned().unwrap_or_else(|| "NODE".to_owned())
}

fn looking(found: &Found) -> Section {
    Section::new("How things are", &[&command(found, "status", "")])
}

fn switching(found: &Found) -> Section {
    let to = format!(" --to {}", candidate(found));
    Section::new(
        "Change the primary as planned: nothing is lost, clients wait for a moment",
        &[&command(found, "switchover", &to)],
    )
}

fn returning(found: &Found) -> Section {
    let node = format!(" {}", candidate(found));
    Section::new(
        "Bring an old primary back (the watchdog does it by itself unless told otherwise)",
        &[&command(found, "reintegrate", &node)],
    )
}

fn forcing(found: &Found) -> Section {
    let node = candidate(found);
    let start = match &found.origin {
        Origin::Config { file, .. } => {
            format!("{} start {node}", file.actuator.command.get_ref().join(" "))
        }
        Origin::Instance { name, .. } => format!("standfast start {node} --instance {name}"),
        Origin::Socket => format!("# start {node}"),
    };
    let start = format!("{start}   # when it does not run: only who answers is promoted");
    let rest = format!(" {node} --allow-data-loss");
    Section::new(
        "The primary cannot be saved and no replica is sure to hold everything",
        &[
            "# Acknowledged writes may be lost. Prefer the node that is least behind in `status`.",
            &start,
            &command(found, "promote", &rest),
        ],
    )
}

fn router(found: &Found) -> Section {
    let status = &found.status;
    let (socket, backend) = match &found.origin {
        Origin::Config { file, .. } => {
            (file.router.socket.display().to_string(), file.router.backend.clone())
        }
        Origin::Instance { folder, kinds, .. } => {
            let wanted = format!("{}-proxy", status.cluster);
            let proxy = kinds.iter().find(|(name, kind)| **name == wanted && *kind == "haproxy");
            match proxy {
                Some((name, _)) => {
                    (folder.data(name).join("admin.sock").display().to_string(), name.clone())
                }
                None => ("HAPROXY_SOCKET".to_owned(), "BACKEND".to_owned()),
            }
        }
        Origin::Socket => ("HAPROXY_SOCKET".to_owned(), "BACKEND".to_owned()),
    };
    let primary = &status.primary;
    let mut lines = vec![
        "# It was restarted: the watchdog sees it within 250 ms and makes the primary ready again."
            .to_owned(),
        format!("echo 'show servers state {backend}' | socat - {socket}"),
        "# Only while no watchdog runs, and only when you know who is primary:".to_owned(),
    ];
    for node in status.nodes.iter().filter(|node| node.name != *primary) {
        let server = format!("{backend}/{}", node.name);
        lines.push(format!(
            "echo 'set server {server} state maint; shutdown sessions server {server}' \
             | socat - {socket}"
        ));
    }
    lines.push(format!("echo 'set server {backend}/{primary} state ready' | socat - {socket}"));
    Section {
        title: "HAProxy lost its state, or the watchdog is gone for longer".to_owned(),
        lines,
    }
}

fn watchdog(found: &Found) -> Section {
    let folder = found.socket.parent().map_or_else(String::new, |path| path.display().to_string());
    let (stop, start) = starting(found);
    let lines = [
        "# It was killed: clients are served on, nobody fails over. Its successor goes on.",
        &start,
        "# Its journal is lost or damaged: find the one server that takes writes, then begin anew.",
        &stop,
        &format!("mv {folder}/journal.json {folder}/journal.json.old"),
        "#   on that server, by SQL: DROP TABLE IF EXISTS standfast_watchdog",
        "#   without a journal it begins with the first node, or with `primary = …` in its file",
        &start,
    ];
    Section::new("The watchdog is gone, or lost its journal", &lines)
}

/// How its watchdog is stopped and started.
pub(super) fn starting(found: &Found) -> (String, String) {
    match &found.origin {
        Origin::Instance { name, service, .. } => (
            format!("standfast stop {service} --instance {name}"),
            format!("standfast start {service} --instance {name}"),
        ),
        Origin::Config { path, .. } => (
            format!("# stop `standfast failover watch --config {}` (SIGTERM)", path.display()),
            format!("standfast failover watch --config {}", path.display()),
        ),
        Origin::Socket => ("# stop the watchdog".to_owned(), "# start the watchdog".to_owned()),
    }
}
