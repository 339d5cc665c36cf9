//! What the machine itself did meanwhile: a program that does not get to run sees no
//! acknowledgement either, and that is nobody's outage.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standfast_lab::instance::Clock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const NAP: Duration = Duration::from_millis(5);

/// A shorter delay than this is usual.
const NOTED_US_MIN: u64 = 10_000;

/// Naps until it is dropped, and notes how much longer each took.
#[derive(Debug)]
pub(crate) struct Weather {
    /// When it woke up, and how late.
    late: Arc<Mutex<Vec<(u64, u64)>>>,
    _task: JoinSet<()>,
}

impl Weather {
    pub(crate) fn watch(clock: &Clock) -> Self {
        let late: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
        let (noted, clock) = (Arc::clone(&late), clock.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let begun = Instant::now();
                sleep(NAP).await;
                let late = begun.elapsed().saturating_sub(NAP).as_micros();
                let late_us = u64::try_from(late).unwrap_or(u64::MAX);
                if late_us >= NOTED_US_MIN {
                    let entry = (clock.now_us(), late_us);
                    noted.lock().expect("nobody panics with it in hand").push(entry);
                }
            }
        });
        Self { late, _task: task }
    }

    /// The longest delay in a time.
    pub(crate) fn stalled_us(&self, within: &Range<u64>) -> u64 {
        let late = self.late.lock().expect("nobody panics with it in hand");
        let within = late.iter().filter(|(at_us, _)| within.contains(at_us));
        within.map(|(_, late_us)| *late_us).max().unwrap_or(0)
    }
}

/// How many processes wanted to run in the last minute; who reads the figures later should know.
pub(crate) fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
