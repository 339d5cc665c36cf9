//! The state of a cluster as people read it: one sentence, a table, what happened, what to do.

use std::time::{SystemTime, UNIX_EPOCH};

use standfast_failover::core::Phase;
use standfast_failover::watchdog::{NodeStatus, RouterStatus, Status};

use super::advice;
use super::finding::Found;
use crate::output::{self, Tone};

/// More are in the JSON.
const EVENTS_SHOWN: usize = 8;

pub(super) fn print(found: &Found) {
    let status = &found.status;
    output::result(headline(status));
    let header =
        ["node", "role", "health", "address", "position", "behind", "follows", "seen", "doing"];
    let mut table = output::table(&header);
    for node in &status.nodes {
        table.add_row([
            node.name.clone(),
            role(status, node).to_owned(),
            node.health.clone(),
            node.address.clone(),
            node.position.clone().unwrap_or_default(),
            node.behind.map_or_else(String::new, |behind| behind.to_string()),
            node.follows.clone().unwrap_or_default(),
            node.seen_ms.map_or_else(|| "never".to_owned(), ago),
            node.under_way.join(", "),
        ]);
    }
    output::result(table);
    output::result(format!(" router: {}", router(status.router.as_ref())));
    for (node, evidence) in &status.fenced {
        output::result(format!(" fenced: {node}: {evidence}"));
    }
    let skipped = status.events.len().saturating_sub(EVENTS_SHOWN);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    for event in status.events.iter().skip(skipped) {
        let age = u64::try_from(now_ms).unwrap_or(u64::MAX).saturating_sub(event.at_ms);
        let (word, node, detail) = (&event.event, &event.node, &event.detail);
        output::result(format!(" {:>10} ago  {word:<9} {node}: {detail}", ago(age)));
    }
    for advice in advice::of(found) {
        output::result(format!(" {}", output::toned(&advice.problem, Tone::Bad)));
        for step in advice.steps {
            output::result(format!("   - {step}"));
        }
    }
}

fn headline(status: &Status) -> String {
    let Status { cluster, epoch, primary, .. } = status;
    let (state, tone) = match (status.settled, status.routed) {
        (true, _) => ("settled: it survives the loss of its primary", Tone::Good),
        (false, true) => ("serving, but it would not survive every loss now", Tone::Doubtful),
        (false, false) => ("no primary gets clients", Tone::Bad),
    };
    let phase = phase(status);
    format!(
        "{cluster}: {primary} is primary (epoch {epoch}, {phase}); {}",
        output::toned(state, tone)
    )
}

fn phase(status: &Status) -> String {
    let name = |node: standfast_failover::core::NodeId| {
        status.nodes.get(node.index()).map_or("nobody", |node| node.name.as_str())
    };
    match status.phase {
        Phase::Serving => "serving".to_owned(),
        Phase::Draining { to } => format!("draining, before a switch to {}", name(to)),
        Phase::Fencing { cause, .. } => format!("fencing it: {}", cause.name()),
        Phase::Promoting { candidate, cause } => {
            format!("promoting {}: {}", name(candidate), cause.name())
        }
    }
}

fn role(status: &Status, node: &NodeStatus) -> &'static str {
    let is_safe = status.safe.contains(&node.name);
    match () {
        () if node.name == status.primary => "primary",
        () if status.fenced.contains_key(&node.name) => "fenced",
        () if is_safe => "replica, in sync",
        () => "replica, not in sync",
    }
}

fn router(router: Option<&RouterStatus>) -> String {
    match router {
        None => "cannot be asked".to_owned(),
        Some(router) if router.ready.is_empty() => "no node gets clients".to_owned(),
        Some(router) if router.paused => {
            format!("{} keeps its clients, new ones wait", router.ready.join(", "))
        }
        Some(router) => format!("clients go to {}", router.ready.join(", ")),
    }
}

fn ago(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..120_000 => format!("{:.1} s", ms as f64 / 1000.0),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}
