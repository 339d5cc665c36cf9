//! What a person should do when a watchdog does not do what one might expect.
//!
//! Each refusal of the core has an entry; `docs/guide/failover.md` tells the same at length.

use super::finding::{Found, Origin};

/// What is wrong, and what to do about it, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) problem: String,
    pub(super) steps: Vec<String>,
}

pub(super) fn of(found: &Found) -> Vec<Advice> {
    let status = &found.status;
    let mut advices = Vec::new();
    if let Some(refusal) = &status.refusal {
        let problem = format!("refused: {refusal}");
        advices.push(Advice { problem, steps: for_refusal(found, refusal) });
    }
    if status.router.is_none() {
        advices.push(Advice {
            problem: "the router cannot be asked: nobody knows where clients go".to_owned(),
            steps: vec![
                "look whether HAProxy runs, and whether the watchdog's user may open its socket"
                    .to_owned(),
                "it forgets who is ready when it is restarted: the watchdog tells it again"
                    .to_owned(),
            ],
        });
    }
    for node in status.fenced.keys() {
        let last = status.events.iter().rfind(|event| {
            event.node == *node && event.event == "refused" && event.detail.contains("rejoin")
        });
        if let Some(event) = last {
            let steps = vec![
                "the watchdog tries again by itself; what it could not do is in the text above"
                    .to_owned(),
                format!("by hand: {} tells the commands", say(found, "playbook")),
            ];
            let problem = format!("{node} is not back: {}", event.detail);
            advices.push(Advice { problem, steps });
        }
    }
    advices
}

fn for_refusal(found: &Found, refusal: &str) -> Vec<String> {
    let primary = &found.status.primary;
    let known: [(&str, Vec<String>); 9] = [
        (
            "no replica is sure to hold",
            vec![
                format!(
                    "nothing: {primary} is started again, its crash recovery keeps every write"
                ),
                format!("if {primary} cannot be saved: {}", forced(found)),
            ],
        ),
        (
            "too few of the replicas",
            vec![
            "bring the replicas that are named in the table to an answer: then it goes on by itself"
                .to_owned(),
            format!("if they cannot be saved: {}", forced(found)),
        ],
        ),
        ("found nobody to promote", vec!["wait: it tries again after 10 s".to_owned()]),
        (
            "too many failovers",
            vec![
                "find out why the primaries fail, first".to_owned(),
                format!("then, to go on: {}", say(found, "switchover")),
            ],
        ),
        (
            "the fence is not proved",
            vec![
                format!("nobody is promoted while {primary} may still take writes"),
                format!(
                    "kill every process of {primary} (`ps`, then `kill -9`), or cut its machine off"
                ),
                "see why the actuator cannot: its own words are in the text above".to_owned(),
            ],
        ),
        (
            "later epoch than the journal",
            vec![
                "look for a second watchdog, and stop it".to_owned(),
                "a journal from a backup is worthless: put the newest one back, or begin anew"
                    .to_owned(),
                begin_anew(found),
            ],
        ),
        (
            "there is no journal",
            vec![
                "find out who is primary: the one server that takes writes".to_owned(),
                begin_anew(found),
            ],
        ),
        (
            "journal cannot be written",
            vec![
                "make room on its disk, or let its user write there: then it goes on by itself"
                    .to_owned(),
            ],
        ),
        (
            "each has what another lacks",
            vec![
                "the replicas have diverged: compare what each has, and choose".to_owned(),
                forced(found),
            ],
        ),
    ];
    let step = known.into_iter().find(|(part, _)| refusal.contains(part));
    step.map_or_else(|| vec![say(found, "playbook")], |(_, steps)| steps)
}

fn begin_anew(found: &Found) -> String {
    match &found.origin {
        Origin::Config { path, .. } => format!(
            "stop the watchdog; set `primary` in {} to that server; there: \
             `DROP TABLE standfast_watchdog`; move the journal away; start the watchdog",
            path.display()
        ),
        Origin::Socket | Origin::Instance { .. } => "stop the watchdog; on that server: \
             `DROP TABLE standfast_watchdog`; move the journal away; start the watchdog"
            .to_owned(),
    }
}

fn forced(found: &Found) -> String {
    let cluster = &found.status.cluster;
    let option = found.option();
    format!("`standfast failover promote {cluster} NODE --allow-data-loss{option}`")
}

pub(super) fn say(found: &Found, verb: &str) -> String {
    format!("`standfast failover {verb} {}{}`", found.status.cluster, found.option())
}
