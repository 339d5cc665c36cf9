//! `standfast shard`: moves slots between PostgreSQL shards, shows them, and cleans up.

mod fleet_file;
mod running;
mod showing;

use std::time::Duration;

use standfast_reshard::catalog::{Catalog, CatalogError, Request};
use standfast_reshard::coordinator::{Coordinator, Fleet, ReshardError, Unreached};
use standfast_reshard::core::{Map, PlanError, PlannedMove, Wish};

use crate::cli::{FleetArguments, ShardAction, TurnArguments};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(action: ShardAction) -> Answer {
    match action {
        ShardAction::Init { owners, fleet } => init(owners, &fleet).await,
        ShardAction::Status { fleet } => status(&fleet).await,
        ShardAction::Plan { change, fleet: arguments } => {
            let fleet = fleet_file::read(&arguments.config)?;
            let name = change.add.as_ref().or(change.remove.as_ref());
            fleet_file::known(&fleet, name.map_or("", String::as_str))?;
            let map = map(&catalog(&fleet).await?).await?;
            let planned = match (&change.add, &change.remove) {
                (Some(shard), _) => map.plan_add(shard),
                (None, shard) => map.plan_remove(shard.as_deref().unwrap_or_default()),
            };
            showing::plan(&planned.map_err(unplanned)?, &map, arguments.json);
            Ok(Exit::Held)
        }
        ShardAction::Move { slots, target, run, fleet } => {
            running::change(&fleet, run, &Request::Move { slots, target }).await
        }
        ShardAction::Add { shard, run, fleet } => {
            running::change(&fleet, run, &Request::Add { shard }).await
        }
        ShardAction::Remove { shard, run, fleet } => {
            running::change(&fleet, run, &Request::Remove { shard }).await
        }
        ShardAction::Resume { run, fleet: arguments } => {
            let fleet = fleet_file::read(&arguments.config)?;
            running::resume(fleet, run, arguments.json).await
        }
        ShardAction::Abort(arguments) => turn(arguments, Wish::Abort).await,
        ShardAction::Rollback(arguments) => turn(arguments, Wish::Rollback).await,
        ShardAction::Finish(arguments) => turn(arguments, Wish::Finish).await,
        ShardAction::Sweep { fleet: arguments } => {
            let fleet = fleet_file::read(&arguments.config)?;
            let mut coordinator = begin(fleet).await?;
            let swept = coordinator.sweep().await.map_err(failure)?;
            showing::swept(&swept, arguments.json);
            let is_clean = swept.kept.is_empty() && swept.unreached.is_empty();
            Ok(if is_clean { Exit::Held } else { Exit::Refuted })
        }
    }
}

async fn init(owners: Vec<String>, arguments: &FleetArguments) -> Answer {
    let fleet = fleet_file::read(&arguments.config)?;
    for owner in &owners {
        fleet_file::known(&fleet, owner)?;
    }
    let all = || fleet.shards.iter().map(|shard| shard.name.clone()).collect();
    let owners = if owners.is_empty() { all() } else { owners };
    let unreached = fleet.install(&owners).await.map_err(failure)?;
    for Unreached { shard, reason } in &unreached {
        output::note(format!("left `{shard}` as it is: {reason}"));
    }
    output::note(format!("{} shards are ready", fleet.shards.len() - unreached.len()));
    let shown = status(arguments).await?;
    Ok(if unreached.is_empty() { shown } else { Exit::Refuted })
}

async fn status(arguments: &FleetArguments) -> Answer {
    let fleet = fleet_file::read(&arguments.config)?;
    let catalog = catalog(&fleet).await?;
    let map = map(&catalog).await?;
    let moves = catalog.last_moves(showing::MOVES_SHOWN).await.map_err(from_catalog)?;
    let is_coordinated = catalog.is_coordinated().await.map_err(from_catalog)?;
    showing::status(&showing::State { map, moves, is_coordinated }, arguments.json);
    Ok(Exit::Held)
}

/// Leaves word for whoever coordinates, or does it at once if nobody does.
async fn turn(arguments: TurnArguments, wish: Wish) -> Answer {
    let fleet = fleet_file::read(&arguments.fleet.config)?;
    let catalog = catalog(&fleet).await?;
    let open = catalog.open_moves().await.map_err(from_catalog)?;
    let record = match (arguments.id, open.as_slice()) {
        (Some(id), open) => open.iter().find(|record| record.id == id),
        (None, [only]) => Some(only),
        (None, []) => return Err(Failure::usage("no move is under way")),
        (None, _) => return Err(Failure::usage("several moves are under way: say which")),
    };
    let Some(record) = record else {
        let id = arguments.id.unwrap_or_default();
        return Err(Failure::usage(format!("move {id} is not under way")));
    };
    if wish == Wish::Abort && !record.phase.is_before_switch() {
        let problem = "has changed hands already: `standfast shard rollback` brings it back";
        return Err(Failure::new(Exit::Refuted, anyhow::anyhow!("move {} {problem}", record.id)));
    }
    catalog.leave_wish(record.id, Some(wish)).await.map_err(from_catalog)?;
    if catalog.is_coordinated().await.map_err(from_catalog)? {
        output::note(format!("move {}: the coordinator that is at work will do it", record.id));
        return Ok(Exit::Held);
    }
    running::turn(fleet, record.clone(), arguments.fleet.json).await
}

async fn catalog(fleet: &Fleet) -> Result<Catalog, Failure> {
    Catalog::connect(&fleet.catalog_url).await.map_err(from_catalog)
}

/// Who owns which slot, and what is on its way.
async fn map(catalog: &Catalog) -> Result<Map, Failure> {
    // Moves before the map: one that ends in between is in it.
    let open = catalog.open_moves().await.map_err(from_catalog)?;
    let map = catalog.map().await.map_err(from_catalog)?;
    let map = map.map(|map| map.with_open(&open));
    map.ok_or_else(|| Failure::usage("there is no map yet: `standfast shard init` makes it"))
}

async fn begin(fleet: Fleet) -> Result<Coordinator, Failure> {
    Coordinator::begin(fleet, Duration::ZERO).await.map_err(failure)
}

fn unplanned(error: PlanError) -> Failure {
    Failure::new(Exit::Usage, error)
}

fn from_catalog(error: CatalogError) -> Failure {
    failure(error.into())
}

fn failure(error: ReshardError) -> Failure {
    let exit = match &error {
        ReshardError::Catalog(CatalogError::Busy | CatalogError::Fenced(_))
        | ReshardError::LockLost => Exit::Unknown,
        ReshardError::Stands { .. } => Exit::Refuted,
        ReshardError::NoShard(_)
        | ReshardError::Catalog(
            CatalogError::OtherSlots { .. }
            | CatalogError::OnTheMove { .. }
            | CatalogError::NotOwned { .. }
            | CatalogError::NoMove(_)
            | CatalogError::NoMap
            | CatalogError::Plan(_)
            | CatalogError::KeyReused(_),
        ) => Exit::Usage,
        ReshardError::Catalog(
            CatalogError::Sql(_) | CatalogError::Stale(_) | CatalogError::Damaged(_),
        )
        | ReshardError::Sql(_) => Exit::Unavailable,
    };
    Failure::new(exit, error)
}

/// How many slots a plan moves.
fn count(planned: &[PlannedMove]) -> usize {
    planned.iter().map(|one| one.slots.len()).sum()
}
