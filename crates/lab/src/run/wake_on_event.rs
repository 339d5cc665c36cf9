//! Wakes the players of faults that wait for events, in the very call in which an event is sent.
//!
//! A subscription of the stream of events would be served when its turn comes, and may lose some;
//! the moment that a fault waits for may be over by then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use standfast_history::Event;
use tokio::sync::oneshot;

use super::trigger::{Overheard, Triggers};
use crate::instance::Listener;
use crate::spec::TimedFault;

/// All faults of a trial that wait. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Cues {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stage: Mutex<Stage>,
}

#[derive(Debug)]
struct Stage {
    triggers: Triggers,
    /// Who waits, by the place in the timeline.
    waiting: BTreeMap<usize, oneshot::Sender<u64>>,
}

impl Cues {
    /// For the faults of `timeline` in a run that begins at `zero_us`.
    pub(crate) fn new(timeline: &[TimedFault], zero_us: u64) -> Self {
        let triggers = Triggers::new(timeline, zero_us);
        let stage = Mutex::new(Stage { triggers, waiting: BTreeMap::new() });
        Self { shared: Arc::new(Shared { stage }) }
    }

    pub(crate) fn listener(&self) -> Arc<dyn Listener> {
        Arc::<Shared>::clone(&self.shared)
    }

    /// The turn of a fault, which begins when its event comes. To be taken before events may come.
    pub(crate) fn turn(&self, index: usize) -> Turn {
        let (sender, came) = oneshot::channel();
        self.shared.stage().waiting.insert(index, sender);
        Turn { shared: Arc::clone(&self.shared), index, came }
    }
}

impl Shared {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Shared {
    fn hear(&self, event: &Event) {
        let mut stage = self.stage();
        for index in stage.triggers.hear(event) {
            let waiting = stage.waiting.remove(&index);
            // One who left has let go, so that it is not due any more.
            waiting.map(|waiting| waiting.send(event.at_us));
        }
    }
}

/// A fault that waits for its event, and then has its process until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    shared: Arc<Shared>,
    index: usize,
    came: oneshot::Receiver<u64>,
}

impl Turn {
    /// When the event came, on the clock of the trial. May be cancelled and waited for again.
    pub(crate) async fn came(&mut self) -> u64 {
        match (&mut self.came).await {
            Ok(at_us) => at_us,
            // The sender waits beside the triggers as long as this does.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Ends the wait; answers when the event came after all, or what else was heard.
    pub(crate) fn end(&mut self) -> Result<u64, Overheard> {
        let mut stage = self.shared.stage();
        match self.came.try_recv() {
            Ok(at_us) => Ok(at_us),
            Err(_not_yet) => {
                stage.waiting.remove(&self.index);
                Err(stage.triggers.let_go(self.index))
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut stage = self.shared.stage();
        stage.waiting.remove(&self.index);
        stage.triggers.let_go(self.index);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::spec::{EventPattern, Trigger};

    fn kill(event: &str) -> TimedFault {
        let event = event.to_owned();
        let pattern = EventPattern { event, source: None, target: None, fields: BTreeMap::new() };
        TimedFault {
            at: Duration::ZERO,
            fault: Fault::new(FaultKind::Kill, "worker"),
            until: None,
            trigger: Some(Trigger { pattern, within: Duration::from_secs(1), length: None }),
        }
    }

    fn step(at_us: u64) -> Event {
        Event::new(at_us, "worker", "step")
    }

    #[tokio::test]
    async fn whoever_waits_hears_the_time_of_the_event_and_the_next_one_is_let_in_by_its_end() {
        let cues = Cues::new(&[kill("step"), kill("step")], 0);
        let (mut first, mut second) = (cues.turn(0), cues.turn(1));
        let listener = cues.listener();
        listener.hear(&step(7));
        assert_eq!(first.came().await, 7);
        listener.hear(&step(8));
        drop(first);
        listener.hear(&step(9));
        assert_eq!(second.came().await, 9, "not the one that came while the first one had it");
    }

    #[tokio::test]
    async fn an_event_that_came_before_the_wait_was_ended_counts() {
        let cues = Cues::new(&[kill("step"), kill("other")], 0);
        let (mut first, mut second) = (cues.turn(0), cues.turn(1));
        cues.listener().hear(&step(7));
        assert_eq!(first.end(), Ok(7));
        assert_eq!(second.end(), Err(Overheard::default()));
        cues.listener().hear(&Event::new(8, "worker", "other"));
        let late = tokio::time::timeout(Duration::ZERO, second.came()).await;
        assert!(late.is_err(), "nobody waits any more");
    }
}
