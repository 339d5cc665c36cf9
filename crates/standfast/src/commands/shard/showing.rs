//! Maps, plans and moves as people and as scripts read them.

use serde::Serialize;
use standfast_reshard::coordinator::{Progress, Swept, Unreached};
use standfast_reshard::core::{Ending, Map, Outcome, PlannedMove, Record};

use super::count;
use crate::output::{self, Tone};

pub(super) const MOVES_SHOWN: u32 = 8;

/// What `status` knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) map: Map,
    pub(super) moves: Vec<Record>,
    pub(super) is_coordinated: bool,
}

/// A move that is over.
#[derive(Debug, Serialize)]
pub(super) struct Ended {
    #[serde(flatten)]
    pub(super) record: Record,
    /// The longest that writers of its slots were made to wait.
    pub(super) pause_ms_max: u128,
}

#[derive(Debug, Serialize)]
struct Share {
    shard: String,
    count: usize,
    slots: String,
}

/// One line about where a move is.
pub(super) fn line(record: &Record) -> String {
    let Record { id, source, target, slots, phase, problem, .. } = record;
    let state = record.ending().map_or(phase.name(), Ending::name);
    let problem = problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"));
    format!("move {id}: {} slots {source} -> {target}: {state}{problem}", slots.len())
}

/// One line for programs.
pub(super) fn progress(progress: &Progress<'_>) {
    let line = match progress {
        Progress::Phase(record) => {
            let state = record.ending().map_or(record.phase.name(), Ending::name);
            serde_json::json!({ "move": record.id, "phase": state, "problem": record.problem })
        }
        Progress::Acted { record, action, outcome, took } => serde_json::json!({
            "move": record.id, "phase": record.phase.name(), "action": action.name(),
            "done": !matches!(outcome, Outcome::Late | Outcome::Failed(_) | Outcome::Refused(_)),
            "took_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }),
    };
    output::note(line);
}

fn shares(map: &Map) -> Vec<Share> {
    let share = |(shard, count): (String, usize)| {
        let slots = map.slots_of(&shard).to_string();
        Share { shard, count, slots }
    };
    map.shares().into_iter().map(share).collect()
}

pub(super) fn status(state: &State, json: bool) {
    let shares = shares(&state.map);
    if json {
        return output::json(&serde_json::json!({
            "epoch": state.map.epoch,
            "shards": shares,
            "moves": state.moves,
            "coordinated": state.is_coordinated,
        }));
    }
    let (slots, epoch) = (state.map.owners.len(), state.map.epoch);
    output::result(format!("{slots} slots, epoch {epoch}"));
    let mut table = output::table(&["shard", "slots", "which"]);
    for share in shares {
        table.add_row([share.shard, share.count.to_string(), share.slots]);
    }
    output::result(table);
    for record in state.moves.iter().rev() {
        output::result(line(record));
    }
    let is_open = state.moves.iter().any(|record| record.ending().is_none());
    if is_open && !state.is_coordinated {
        let text = "a move stands still: `standfast shard resume` goes on with it";
        output::result(output::toned(text, Tone::Doubtful));
    }
}

pub(super) fn plan(planned: &[PlannedMove], map: &Map, json: bool) {
    if json {
        return output::json(&planned);
    }
    let (moving, all) = (count(planned), map.owners.len());
    let share = 100.0 * moving as f64 / all as f64;
    output::result(format!("{moving} of {all} slots would move ({share:.1} %)"));
    let mut table = output::table(&["from", "to", "slots", "which"]);
    for one in planned {
        let count = one.slots.len().to_string();
        table.add_row([one.source.clone(), one.target.clone(), count, one.slots.to_string()]);
    }
    output::result(table);
}

pub(super) fn ended(ended: &[Ended], json: bool) {
    if json {
        return output::json(&ended);
    }
    for Ended { record, pause_ms_max } in ended {
        let pause = format!("writers waited {pause_ms_max} ms at most");
        output::result(format!("{}; {pause}", line(record)));
    }
}

pub(super) fn swept(swept: &Swept, json: bool) {
    if json {
        return output::json(swept);
    }
    for leftover in &swept.removed {
        let (kind, name, shard) = (leftover.kind, &leftover.name, &leftover.shard);
        output::result(format!("removed {kind:?} {name} from {shard}"));
    }
    for (leftover, reason) in &swept.kept {
        let (kind, name, shard) = (leftover.kind, &leftover.name, &leftover.shard);
        output::result(format!("kept {kind:?} {name} on {shard}: {reason}"));
    }
    for Unreached { shard, reason } in &swept.unreached {
        output::result(format!("did not look at {shard}: {reason}"));
    }
    if swept.removed.is_empty() && swept.kept.is_empty() && swept.unreached.is_empty() {
        output::result("nothing was left behind");
    }
}
