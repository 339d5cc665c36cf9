//! What votes have shown: for people at `/votes`, for Prometheus at `/metrics`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use standfast_tactics::outlier::Place;
use standfast_tactics::vote::{Mode, Panel};

use super::round::Conduct;
use super::settings::FAULTS_MAX;
use super::voting::Collector;

/// Those that are always shown, so that a figure that is zero is there.
const SHOWN: [Conduct; 8] = [
    Conduct::Agreed,
    Conduct::Dissented,
    Conduct::Equivocated,
    Conduct::Forged,
    Conduct::Replayed,
    Conduct::Misquoted,
    Conduct::Failed,
    Conduct::Silent,
];

/// Where a replica stands, in a word.
fn place(place: Place) -> &'static str {
    match place {
        Place::In => "counts",
        Place::Rests { .. } => "rests",
        Place::Shadow { .. } => "shadow",
    }
}

/// The answer to `GET /votes`.
pub(super) fn votes(collector: &Collector) -> Value {
    let (panel, votes) = (collector.settings.panel, *collector.votes());
    let roster = collector.roster();
    let replica = |(number, name): (usize, &str)| {
        let member = &roster.members[number];
        let conducts: serde_json::Map<String, Value> = member
            .conducts
            .iter()
            .map(|(conduct, times)| (conduct.name().to_owned(), json!(times)))
            .collect();
        json!({
            "name": name,
            "place": place(roster.place(number)),
            "accused": member.accused.map(Conduct::name),
            "conducts": conducts,
        })
    };
    let names = collector.replicas.iter().map(|replica| replica.name.as_str());
    let replicas: Vec<Value> = names.enumerate().map(replica).collect();
    json!({
        "panel": panel.replicas(),
        "mode": "masking",
        "faults_masked": FAULTS_MAX,
        "required": panel.required(),
        "is_beyond": votes.is_undecided || roster.proven() > FAULTS_MAX,
        "byzantine_state": byzantine_state(panel),
        "votes": {
            "agreed": votes.agreed, "no_quorum": votes.no_quorum, "beyond": votes.beyond,
            "probation": votes.probation,
        },
        "replicas": replicas,
    })
}

/// What would be needed if replicas kept state that their askers agree on: 3f + 1 of them. Ours
/// keep none, each signs what it says, and one cashier decides, so that 2f + 1 do.
fn byzantine_state(panel: Panel) -> Value {
    let held = (0..panel.replicas()).rev().find_map(|faults| {
        let mode = Mode::ByzantineState { faults };
        Panel::try_new(panel.replicas(), mode).ok().map(|panel| (faults, panel.required()))
    });
    let (faults, required) = held.unwrap_or((0, panel.replicas()));
    json!({
        "faults_held": faults,
        "required": required,
        "replicas_for_the_same_faults": 3 * FAULTS_MAX + 1,
    })
}

/// The answer to `GET /metrics`.
pub(super) fn metrics(collector: &Collector, is_ledger_there: bool) -> String {
    let (votes, roster) = (*collector.votes(), collector.roster());
    let mut text = String::new();
    let outcomes = [
        ("agreed", votes.agreed),
        ("no_quorum", votes.no_quorum),
        ("beyond", votes.beyond),
        ("probation", votes.probation),
    ];
    text.push_str("# HELP cashier_votes_total Votes by their end\n");
    text.push_str("# TYPE cashier_votes_total counter\n");
    for (outcome, count) in outcomes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "cashier_votes_total{{outcome=\"{outcome}\"}} {count}");
    }
    text.push_str("# HELP cashier_conducts_total What replicas did in votes\n");
    text.push_str("# TYPE cashier_conducts_total counter\n");
    for (replica, member) in collector.replicas.iter().zip(&roster.members) {
        for conduct in SHOWN {
            let (name, did) = (&replica.name, conduct.name());
            let count = member.conducts.get(&conduct).copied().unwrap_or_default();
            let _ = writeln!(
                text,
                "cashier_conducts_total{{replica=\"{name}\",conduct=\"{did}\"}} {count}"
            );
        }
    }
    let counting = (0..roster.members.len()).filter(|at| roster.place(*at) == Place::In).count();
    let figures = [
        ("cashier_detected_total", "counter", "Replicas accused of something", votes.detected),
        ("cashier_replicas_counting", "gauge", "Replicas whose voice counts", counting as u64),
        (
            "cashier_replicas_proven_liars",
            "gauge",
            "Replicas that lied and have not made it good",
            roster.proven() as u64,
        ),
        (
            "cashier_beyond_masking",
            "gauge",
            "Whether more are wrong or silent than can be masked",
            u64::from(votes.is_undecided || roster.proven() > FAULTS_MAX),
        ),
        ("cashier_ledger_up", "gauge", "Whether the ledger is there", u64::from(is_ledger_there)),
    ];
    for (name, kind, help, value) in figures {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}
