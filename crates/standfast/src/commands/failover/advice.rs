//! What a person should do when a watchdog does not do what one might expect.
//!
//! Each refusal of the core has an entry; `docs/guide/failover.md` tells the same at length.

use standfast_failover::core::RefusalKind;

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
        let problem = format!("refused: {}", refusal.text);
        advices.push(Advice { problem, steps: for_refusal(found, refusal.kind) });
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
        let last = status
            .events
            .iter()
            .rfind(|event| event.node == *node && event.refusal == Some(RefusalKind::RejoinFailed));
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

fn for_refusal(found: &Found, refusal: RefusalKind) -> Vec<String> {
    let primary = &found.status.primary;
    let steps = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    match refusal {
        RefusalKind::NobodySafe => vec![
            format!("nothing: {primary} is started again, its crash recovery keeps every write"),
            format!("if {primary} cannot be saved: {}", forced(found)),
        ],
        RefusalKind::TooFewAnswer | RefusalKind::TooFewHeard => vec![
            "bring the replicas that are named in the table to an answer: then it goes on by itself"
                .to_owned(),
            format!("if they cannot be saved: {}", forced(found)),
        ],
        RefusalKind::NobodyFound => steps(&["wait: it tries again after 10 s"]),
        RefusalKind::TooManyFailovers => vec![
            "find out why the primaries fail, first".to_owned(),
            format!("then, to go on: {}", say(found, "switchover")),
        ],
        RefusalKind::FenceUnproved => vec![
            format!("nobody is promoted while {primary} may still take writes"),
            format!(
                "kill every process of {primary} (`ps`, then `kill -9`), or cut its machine off"
            ),
            "see why the actuator cannot: its own words are in the text above".to_owned(),
        ],
        RefusalKind::JournalOutdated => vec![
            "look for a second watchdog, and stop it".to_owned(),
            "a journal from a backup is worthless: put the newest one back, or begin anew"
                .to_owned(),
            begin_anew(found),
        ],
        RefusalKind::JournalMissing | RefusalKind::OtherPrimary => vec![
            "find out who is primary: the one server that takes writes".to_owned(),
            begin_anew(found),
        ],
        RefusalKind::JournalUnwritable => steps(&[
            "make room on its disk, or let its user write there: then it goes on by itself",
        ]),
        RefusalKind::ReplicasDiverged => vec![
            "the replicas have diverged: compare what each has, and choose".to_owned(),
            forced(found),
        ],
        RefusalKind::RejoinFailed
        | RefusalKind::SwitchoverUnsafe
        | RefusalKind::SwitchoverPrimaryIll
        | RefusalKind::SwitchoverInterrupted
        | RefusalKind::SwitchoverTooSlow => vec![say(found, "playbook")],
    }
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
