//! `standfast failover switchover | reintegrate | promote`: what a watchdog does when it is told.

use std::time::Duration;

use standfast_failover::core::RefusalKind;
use standfast_failover::watchdog::{Happened, Question, Status};

use super::advice;
use super::finding::Found;
use super::waiting::{Progress, change};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// A promotion by which writes may be lost.
pub(super) struct Loss {
    pub(super) node: String,
    /// Nobody has to be asked.
    pub(super) is_confirmed: bool,
}

pub(super) async fn switch_over(found: &Found, to: Option<String>, within: Duration) -> Answer {
    let before = &found.status;
    if let Some(node) = &to {
        check_node(before, node)?;
        if *node == before.primary {
            output::result(format!("{node} is the primary of {} already", before.cluster));
            return Ok(Exit::Held);
        }
    }
    let epoch = before.epoch;
    let question = Question::Switchover { to: to.clone() };
    change(found, question, within, |now, happened| {
        let is_target = to.as_ref().is_none_or(|node| *node == now.primary);
        match () {
            () if now.epoch > epoch && is_target => served(now),
            () if now.epoch > epoch => {
                Progress::Refused(format!("{} became primary instead", now.primary))
            }
            () => match refusal(happened, RefusalKind::is_of_switchover) {
                Some(why) => Progress::Refused(why),
                None => Progress::Open,
            },
        }
    })
    .await
}

pub(super) async fn reintegrate(found: &Found, node: String, within: Duration) -> Answer {
    check_node(&found.status, &node)?;
    let question = Question::Reintegrate { node: node.clone() };
    if is_in_sync(&found.status, &node) {
        output::result(format!("{node} follows {} and is in sync", found.status.primary));
        return Ok(Exit::Held);
    }
    change(found, question, within, |now, _happened| {
        if is_in_sync(now, &node) {
            return Progress::Done(format!("{node} follows {} and is in sync", now.primary));
        }
        if now.primary == node {
            return Progress::Refused(format!("{node} became primary"));
        }
        Progress::Open
    })
    .await
}

pub(super) async fn promote(found: &Found, loss: Loss, within: Duration) -> Answer {
    let before = &found.status;
    let Loss { node, is_confirmed } = loss;
    check_node(before, &node)?;
    let health = before.nodes.iter().find(|one| one.name == node).map(|one| one.health.as_str());
    if health != Some("well") {
        // The watchdog would find out after it had fenced the primary.
        let text = format!(
            "{node} does not answer ({}), so that it cannot be promoted: start it first, see {}",
            health.unwrap_or("unknown"),
            advice::say(found, "playbook")
        );
        return Err(Failure::new(Exit::Refuted, anyhow::anyhow!(text)));
    }
    if !is_confirmed {
        output::note(what_may_be_lost(before, &node));
        if !output::can_ask() {
            let text = "nobody can be asked here: --yes says that this is what is wanted";
            return Err(Failure::usage(text));
        }
        if !output::confirm(&format!("Fence {} and promote {node}?", before.primary)) {
            return Err(Failure::new(Exit::Refuted, anyhow::anyhow!("not confirmed")));
        }
    }
    let epoch = before.epoch;
    let question = Question::AllowDataLoss { to: node.clone() };
    change(found, question, within, |now, happened| {
        if now.primary == node && now.epoch > epoch {
            return served(now);
        }
        match refusal(happened, |kind| kind == RefusalKind::TooFewHeard) {
            Some(why) => Progress::Refused(why),
            None => Progress::Open,
        }
    })
    .await
}

fn what_may_be_lost(status: &Status, node: &str) -> String {
    let is_safe = status.safe.iter().any(|safe| safe == node) && status.copies > 0;
    let known = status.nodes.iter().find(|one| one.name == node);
    let behind = known.and_then(|one| one.behind);
    let age = status.nodes.iter().find(|one| one.name == status.primary);
    let age = age.and_then(|one| one.seen_ms).unwrap_or(0) / 1000;
    let lost = match (is_safe && usize::from(status.copies) == status.safe.len(), behind) {
        (true, _) => "it holds every acknowledged write, so that nothing is lost".to_owned(),
        (false, Some(0)) => format!("it lacked nothing of what the primary had {age} s ago"),
        (false, Some(behind)) => {
            format!("it lacks {behind} bytes or transactions of what the primary had {age} s ago")
        }
        (false, None) => "nobody knows how much it lacks".to_owned(),
    };
    let primary = &status.primary;
    format!(
        "{primary} is fenced (killed, if it lives) and {node} becomes the primary of {}: {lost}. \
         What {primary} alone has is taken back when it returns.",
        status.cluster
    )
}

fn check_node(status: &Status, node: &str) -> Result<(), Failure> {
    let names: Vec<&str> = status.nodes.iter().map(|node| node.name.as_str()).collect();
    if names.contains(&node) {
        return Ok(());
    }
    let hint = standfast_lab::spec::nearest(node, names.iter().copied())
        .map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
    let known = names.join(", ");
    Err(Failure::usage(format!("`{node}` is no node of {}: {known}{hint}", status.cluster)))
}

fn is_in_sync(status: &Status, node: &str) -> bool {
    !status.fenced.contains_key(node) && status.safe.iter().any(|safe| safe == node)
}

fn served(now: &Status) -> Progress {
    if !now.routed {
        return Progress::Open;
    }
    let Status { primary, cluster, epoch, .. } = now;
    Progress::Done(format!(
        "{primary} is primary of {cluster} in epoch {epoch}, and has its clients"
    ))
}

fn refusal(happened: &[Happened], is_it: impl Fn(RefusalKind) -> bool) -> Option<String> {
    let is_ours = |event: &&Happened| event.refusal.is_some_and(&is_it);
    happened.iter().find(is_ours).map(|event| event.detail.clone())
}
