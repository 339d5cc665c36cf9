//! Watches, while a trial runs, what other programs do to the machine.
//!
//! A thread of its own, with the priority that the services have: it sleeps, notes by how much it
//! oversleeps, and looks now and then who used the processors.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use standfast_engines::process::{ProcessorTime, ProcessorUse};
use standfast_history::MachineSample;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::instance::Clock;

/// As often as it wakes up, a thread costs a five-hundredth of a processor.
const WAKE_EVERY: Duration = Duration::from_millis(5);

/// A look takes a millisecond or two with the processes of a large system, which is to be nothing
/// beside what it looks at. Processor time is told in steps of 10 ms.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct MachineWatch {
    stop: Sender<()>,
    samples: JoinHandle<Vec<MachineSample>>,
}

impl MachineWatch {
    pub(crate) fn start(clock: Clock) -> Self {
        let (stop, stopped) = channel();
        Self { stop, samples: spawn_blocking(move || watch(&clock, &stopped)) }
    }

    /// What was seen, in the order of time.
    pub(crate) async fn finish(self) -> Vec<MachineSample> {
        drop(self.stop);
        self.samples.await.expect("watching the machine cannot panic")
    }
}

fn watch(clock: &Clock, stopped: &Receiver<()>) -> Vec<MachineSample> {
    let mut samples = Vec::new();
    let Some(mut last) = look() else { return samples };
    let (mut late, mut due) = (Duration::ZERO, Instant::now() + WAKE_EVERY);
    loop {
        let asleep = due.saturating_duration_since(Instant::now());
        let is_over = stopped.recv_timeout(asleep) != Err(RecvTimeoutError::Timeout);
        let woken = Instant::now();
        late = late.max(woken.saturating_duration_since(due));
        if is_over || woken.duration_since(last.at) >= LOOK_EVERY {
            let Some(look) = look() else { return samples };
            samples.push(sample(clock, &last, &look, late));
            (last, late) = (look, Duration::ZERO);
        }
        if is_over {
            return samples;
        }
        due = Instant::now() + WAKE_EVERY;
    }
}

/// Who had worked for how long, at a moment.
#[derive(Debug)]
struct Look {
    at: Instant,
    time: ProcessorTime,
}

fn look() -> Option<Look> {
    match ProcessorTime::read() {
        Ok(time) => Some(Look { at: Instant::now(), time }),
        Err(error) => {
            tracing::warn!(%error, "nobody knows what other programs do to this machine");
            None
        }
    }
}

fn sample(clock: &Clock, last: &Look, look: &Look, late: Duration) -> MachineSample {
    let ProcessorUse { own, foreign, stolen } =
        look.time.shares_since(&last.time, std::process::id());
    MachineSample {
        from_us: clock.at_us(last.at),
        to_us: clock.at_us(look.at),
        own,
        foreign,
        stolen,
        late_us: u64::try_from(late.as_micros()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spans_follow_each_other_and_hold_shares() {
        let clock = Clock::started();
        let watch = MachineWatch::start(clock.clone());
        let deadline = Instant::now() + Duration::from_secs(60);
        while clock.now_us() < 3 * LOOK_EVERY.as_micros() as u64 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(WAKE_EVERY).await;
        }
        let samples = watch.finish().await;
        assert!(!samples.is_empty());
        for pair in samples.windows(2) {
            assert_eq!(pair[0].to_us, pair[1].from_us);
        }
        for sample in samples {
            assert!(sample.from_us < sample.to_us);
            let shares = [sample.own, sample.foreign, sample.stolen];
            assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{sample:?}");
        }
    }
}
