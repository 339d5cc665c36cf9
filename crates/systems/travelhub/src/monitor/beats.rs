//! Reads the heartbeats, has them judged, and writes down what was found.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::store::Store;
use super::watching::Monitor;
use crate::service::database::CallError;

/// Beats are remembered for so long: enough to try other settings on.
const HISTORY: Duration = Duration::from_secs(3600);

/// Old beats are deleted this often.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// When something is to be done next.
#[derive(Debug)]
struct Diary {
    /// Until then silence may be that of the database, and not of a service.
    blind_until: Instant,
    next_heartbeat_check: Instant,
    next_forget: Instant,
}

/// Does so for ever.
pub(super) async fn read(monitor: Arc<Monitor>) {
    let Some(config) = monitor.settings.database.clone() else { return };
    let now = Instant::now();
    let mut diary = Diary { blind_until: now, next_heartbeat_check: now, next_forget: now };
    let mut ticks = interval(monitor.settings.phi.check_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut store = None;
    loop {
        ticks.tick().await;
        let opened = match store.take() {
            Some(store) => Ok(store),
            None => Store::open(&config, HISTORY).await,
        };
        let error = match opened {
            Ok(mut opened) => match turn(&monitor, &mut opened, &mut diary).await {
                Ok(()) => {
                    store = Some(opened);
                    mark(&monitor, None);
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        mark(&monitor, Some(&error));
        // Whoever lives writes again within an interval of the database's return.
        let grace = monitor.settings.beat_every * 3 / 2;
        diary.blind_until = Instant::now() + monitor.settings.phi.check_every + grace;
    }
}

async fn turn(monitor: &Monitor, store: &mut Store, diary: &mut Diary) -> Result<(), CallError> {
    let settings = &monitor.settings;
    loop {
        let read = store.beats().await?;
        let is_full = read.is_full;
        if settings.reads_beats {
            monitor.beats(read.beats, read.database_now, Instant::now());
        }
        if !is_full {
            break;
        }
    }
    let now = Instant::now();
    if now >= diary.blind_until && settings.reads_beats {
        let is_due = now >= diary.next_heartbeat_check;
        if is_due {
            diary.next_heartbeat_check = now + settings.heartbeat.check_every;
        }
        monitor.check(is_due, now);
    }
    write(monitor, store).await?;
    if now >= diary.next_forget {
        diary.next_forget = now + FORGET_EVERY;
        store.forget(settings.beats_kept_for).await?;
    }
    Ok(())
}

async fn write(monitor: &Monitor, store: &Store) -> Result<(), CallError> {
    loop {
        let first = monitor.book().unwritten.front().cloned();
        let Some(entry) = first else { return Ok(()) };
        store.write(&entry).await?;
        let mut book = monitor.book();
        // It may have been pushed out meanwhile.
        if book.unwritten.front() == Some(&entry) {
            book.unwritten.pop_front();
        }
    }
}

/// Tells once when the database goes away, and when it is back.
fn mark(monitor: &Monitor, error: Option<&CallError>) {
    let was_away = std::mem::replace(&mut monitor.book().is_database_away, error.is_some());
    match error {
        Some(error) if !was_away => {
            tracing::warn!(%error, "the monitor's database is away: heartbeats are not judged");
        }
        None if was_away => tracing::info!("the monitor's database is back"),
        Some(_) | None => {}
    }
}
