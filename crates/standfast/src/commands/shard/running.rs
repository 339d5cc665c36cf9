//! Runs moves and tells how they get on.

use standfast_reshard::catalog::Request;
use standfast_reshard::coordinator::{Coordinator, Fleet, Pauses, Progress, ReshardError};
use standfast_reshard::core::{CopyState, Ending, Options, Outcome, Phase, Record};

use super::{begin, failure, fleet_file, from_catalog, map, showing, unplanned};
use crate::cli::{FleetArguments, MoveArguments, ProgressForm};
use crate::exit::{Answer, Exit};
use crate::output;

/// How the result is printed, and progress until then.
#[derive(Clone, Copy, Debug)]
struct Telling {
    json: bool,
    form: ProgressForm,
}

/// Says what is under way, on standard error.
#[derive(Debug, Default)]
struct Teller {
    form: ProgressForm,
    tables_ready: Option<u32>,
    pauses: Pauses,
}

/// Plans against the map as it is now and notes all moves down, or none; then runs them.
pub(super) async fn change(
    arguments: &FleetArguments,
    run: MoveArguments,
    request: &Request,
) -> Answer {
    let fleet = fleet_file::read(&arguments.config)?;
    fleet_file::known(&fleet, request.shard())?;
    let mut coordinator = begin(kept(fleet, &run)).await?;
    // Nothing is noted down of what could not begin.
    let planned = request.plan(&map(coordinator.catalog()).await?).map_err(unplanned)?;
    coordinator.reach_for(&planned).await.map_err(failure)?;
    let records = coordinator.request(request).await.map_err(failure)?;
    let slots: usize = records.iter().map(|record| record.slots.len()).sum();
    output::note(format!("{slots} slots are to move, in {} moves", records.len()));
    run_all(&mut coordinator, records, Telling { json: arguments.json, form: run.progress }).await
}

pub(super) async fn resume(fleet: Fleet, run: MoveArguments, json: bool) -> Answer {
    let mut coordinator = begin(kept(fleet, &run)).await?;
    let open = coordinator.catalog().open_moves().await.map_err(from_catalog)?;
    run_all(&mut coordinator, open, Telling { json, form: run.progress }).await
}

/// Goes on with one move, of which something is wished.
pub(super) async fn turn(fleet: Fleet, record: Record, json: bool) -> Answer {
    let telling = Telling { json, form: ProgressForm::Text };
    run_all(&mut begin(fleet).await?, vec![record], telling).await?;
    Ok(Exit::Held)
}

fn kept(fleet: Fleet, run: &MoveArguments) -> Fleet {
    Fleet { options: Options { keep: run.keep, ..fleet.options }, ..fleet }
}

async fn run_all(coordinator: &mut Coordinator, records: Vec<Record>, telling: Telling) -> Answer {
    let (mut ended, mut is_moved, mut standing) = (Vec::new(), true, None);
    let mut left = 0;
    for record in records {
        // After one that did not move, nothing is begun; of those that have begun, slots may be
        // closed.
        if !is_moved && record.phase == Phase::Planned {
            left += 1;
            continue;
        }
        let mut teller = Teller { form: telling.form, ..Teller::default() };
        let mut watch = |progress: Progress<'_>| teller.tell(&progress);
        let ending = match coordinator.run(record.clone(), &mut watch).await {
            Ok(ending) => ending,
            // The others may have slots that are closed.
            Err(error @ ReshardError::Stands { .. }) => {
                output::note(error.to_string());
                standing.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(failure(error)),
        };
        is_moved &= ending == Ending::Moved;
        let record = coordinator.catalog().record(record.id).await.map_err(from_catalog)?;
        ended.push(showing::Ended { record, pause_ms_max: teller.pauses.longest().as_millis() });
    }
    if left > 0 {
        output::note(format!("{left} moves are planned still: `standfast shard resume` runs them"));
    }
    showing::ended(&ended, telling.json);
    if let Some(error) = standing {
        return Err(failure(error));
    }
    if is_moved { Ok(Exit::Held) } else { Ok(Exit::Refuted) }
}

impl Teller {
    fn tell(&mut self, progress: &Progress<'_>) {
        self.pauses.watch(progress);
        match self.form {
            ProgressForm::Text => self.tell_people(progress),
            ProgressForm::Json => showing::progress(progress),
        }
    }

    fn tell_people(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Phase(record) => output::note(showing::line(record)),
            Progress::Acted { record, action, outcome, .. } => {
                let id = record.id;
                let is_problem =
                    matches!(outcome, Outcome::Late | Outcome::Failed(_) | Outcome::Refused(_));
                if let Outcome::Copy(CopyState::Tables { ready, all, .. }) = outcome
                    && self.tables_ready != Some(*ready)
                {
                    self.tables_ready = Some(*ready);
                    output::note(format!("move {id}:   {ready} of {all} tables are copied"));
                } else if let Outcome::Compared(found) = outcome {
                    let (rows, differences) = (found.rows, found.differences.len());
                    let text = format!("{rows} rows compared, {differences} slots differ");
                    output::note(format!("move {id}:   {text}"));
                } else if is_problem {
                    output::note(format!("move {id}:   {}: {outcome:?}", action.name()));
                }
            }
        }
    }
}
