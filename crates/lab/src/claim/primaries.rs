//! Whether a cluster ever had two primaries, by what the lookouts of the lab saw.

use standfast_checker::{Reign, rivalries};
use standfast_history::Event;

use super::evaluate::{Measured, Unknown};
use super::evidence::evidence;
use super::record::TrialRecord;
use crate::spec::Unit;

/// The event that tells a time in which a server took writes: `target` is the server, and it has
/// the fields `cluster`, `from_us` and `until_us`.
pub(crate) const REIGNED: &str = "reigned";

pub(super) fn two_primaries(trial: &TrialRecord) -> Result<Measured, Unknown> {
    let reigns: Vec<Reign> = trial.events.iter().filter_map(reign).collect();
    if reigns.is_empty() {
        return Err(Unknown::because("no server was seen to take writes"));
    }
    let rivalries = rivalries(&reigns);
    let shown = rivalries.iter().map(|rivalry| ("two primaries", rivalry.to_string()));
    let (count, n) = (rivalries.len() as f64, reigns.len() as u64);
    Ok(Measured::exact(count, Unit::Count, n).shown_by(evidence(shown)))
}

fn reign(event: &Event) -> Option<Reign> {
    if event.event != REIGNED {
        return None;
    }
    let number = |name: &str| event.fields.get(name)?.as_u64();
    Some(Reign {
        cluster: event.fields.get("cluster")?.as_str()?.to_owned(),
        server: event.target.clone()?,
        from_us: number("from_us")?,
        until_us: number("until_us")?,
    })
}
