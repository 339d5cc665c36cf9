//! The duty of a coordinator: install, take the lock, bring every open move to its end, and begin
//! anew after whatever went wrong.

use std::sync::Arc;
use std::time::Duration;

use standfast_reshard::coordinator::{Coordinator, Progress, ReshardError};
use standfast_reshard::with_causes;
use tokio::time::{sleep, timeout};

use super::desk::Desk;

/// After something went wrong; a predecessor's lock is looked at as often.
const AGAIN: Duration = Duration::from_millis(250);
/// Between two looks for what others have asked of the catalog.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A move that stands still is tried again after this.
const STANDING: Duration = Duration::from_secs(1);
/// A predecessor that was killed has lost its lock when its server has noticed.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many looks of an idle coordinator later, the shards are looked over, too.
const LOOKS_BEFORE_SWEEP: u32 = 4;

/// Until the process ends.
pub(super) async fn run(desk: Arc<Desk>) {
    install(&desk).await;
    loop {
        let error = match Coordinator::begin(desk.settings.fleet.clone(), PATIENCE).await {
            Ok(coordinator) => match coordinate(&desk, coordinator).await {
                Err(error) => error,
                Ok(never) => match never {},
            },
            Err(error) => error,
        };
        desk.metrics.coordinating.set(0);
        desk.trouble(Some(with_causes(&error)));
        sleep(AGAIN).await;
    }
}

/// Of a control arm: what a coordinator has left behind when it was killed stays as it is.
pub(super) async fn run_without_resuming(desk: Arc<Desk>) {
    install(&desk).await;
    let found = loop {
        let answered = desk.ask(async |catalog| catalog.open_moves().await).await;
        if let Ok(Ok(open)) = answered {
            break open;
        }
        sleep(AGAIN).await;
    };
    if found.is_empty() {
        run(desk).await;
    } else {
        desk.metrics.open.set(i64::try_from(found.len()).unwrap_or(i64::MAX));
        desk.trouble(Some(format!("{} moves were left behind", found.len())));
        std::future::pending::<()>().await;
    }
}

async fn install(desk: &Desk) {
    let settings = &desk.settings;
    loop {
        match settings.fleet.install(&settings.owners).await {
            Ok(away) => {
                desk.away(away);
                break;
            }
            Err(error) => desk.trouble(Some(with_causes(&error))),
        }
        sleep(AGAIN).await;
    }
    desk.installed();
}

enum Never {}

async fn coordinate(desk: &Desk, mut coordinator: Coordinator) -> Result<Never, ReshardError> {
    desk.trouble(None);
    desk.metrics.coordinating.set(1);
    let open = coordinator.catalog().open_moves().await?;
    desk.metrics.resumed(open.len());
    let mut looks = 0;
    loop {
        let is_standing = run_open(desk, &mut coordinator).await?;
        if looks % LOOKS_BEFORE_SWEEP == 0 {
            look_over(desk, &mut coordinator).await?;
        }
        looks += 1;
        let pause = if is_standing { STANDING } else { LOOK_EVERY };
        // Whether it was asked or the time is over: it looks.
        drop(timeout(pause, desk.asked.notified()).await);
    }
}

/// Brings open moves to their ends, one after the other; answers whether one stands still.
async fn run_open(desk: &Desk, coordinator: &mut Coordinator) -> Result<bool, ReshardError> {
    let mut is_standing = false;
    let open = coordinator.catalog().open_moves().await?;
    desk.metrics.open.set(i64::try_from(open.len()).unwrap_or(i64::MAX));
    for record in open {
        let id = record.id;
        let mut watch = |progress: Progress<'_>| desk.watch(&progress);
        match coordinator.run(record, &mut watch).await {
            Ok(_) => {}
            // The others need not wait for it.
            Err(ReshardError::Stands { reason, .. }) => {
                tracing::warn!(id, reason, "a move stands still");
                desk.stands(id, reason);
                is_standing = true;
            }
            Err(error) => return Err(error),
        }
        note_map(desk, coordinator).await?;
    }
    note_map(desk, coordinator).await?;
    Ok(is_standing)
}

async fn note_map(desk: &Desk, coordinator: &Coordinator) -> Result<(), ReshardError> {
    let catalog = coordinator.catalog();
    let (epoch, open) = (catalog.epoch().await?, catalog.open_moves().await?.len());
    desk.metrics.epoch.set(i64::try_from(epoch).unwrap_or(i64::MAX));
    desk.metrics.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    Ok(())
}

/// The janitor.
async fn look_over(desk: &Desk, coordinator: &mut Coordinator) -> Result<(), ReshardError> {
    let swept = coordinator.sweep().await?;
    if !swept.removed.is_empty() {
        tracing::info!(removed = ?swept.removed, "nobody owned these");
        desk.metrics.swept.inc_by(swept.removed.len() as u64);
    }
    // Nobody knows what there is on a shard that is away.
    if swept.unreached.is_empty() {
        let traces = coordinator.leftovers().await?.len();
        desk.metrics.traces.set(i64::try_from(traces).unwrap_or(i64::MAX));
    }
    desk.away(swept.unreached);
    Ok(())
}
