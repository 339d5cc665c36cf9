//! Where events of an instance go: one stream, with one clock, for whoever wants to know.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use standfast_history::Event;
use tokio::sync::mpsc;

use super::clock::Clock;

/// A service that reports more than this at once between two looks of the reader is broken; the
/// rest is counted.
const EVENTS_MAX: usize = 65_536;

/// What the supervisor reports in.
pub const SUPERVISOR: &str = "supervisor";
/// What the lab itself reports in.
pub const LAB: &str = "lab";

/// Whoever has to act on events at once: it hears each of them when it is sent, in one order, and
/// none is lost or late. It must not wait, nor send any itself.
pub(crate) trait Listener: fmt::Debug + Send + Sync {
    fn hear(&self, event: &Event);
}

/// Takes events from many places without ever making one of them wait.
#[derive(Clone, Debug)]
pub struct EventSink {
    clock: Clock,
    events: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
    listener: Arc<OnceLock<Arc<dyn Listener>>>,
}

impl EventSink {
    /// A sink and the stream that comes out of it.
    pub fn channel(clock: Clock) -> (Self, mpsc::Receiver<Event>) {
        let (events, stream) = mpsc::channel(EVENTS_MAX);
        (Self { clock, events, dropped: Arc::default(), listener: Arc::default() }, stream)
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Has `listener` hear every event from now on; there is one at most, the first.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>) {
        self.listener.get_or_init(|| listener);
    }

    /// Sends a stamped event.
    pub fn send(&self, event: Event) {
        tracing::info!(
            source = event.source,
            event = event.event,
            target_process = event.target.as_deref().unwrap_or_default(),
        );
        if let Some(listener) = self.listener.get() {
            listener.hear(&event);
        }
        // A reader that went away does not want to know; one that is too slow must be told.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An event of the supervisor about `target`, stamped now.
    pub(crate) fn supervisor(&self, event: &str, target: &str) -> Event {
        Event::new(self.clock.now_us(), SUPERVISOR, event).about(target)
    }

    /// An event of the lab about `target`, stamped now.
    pub(crate) fn lab(&self, event: &str, target: &str) -> Event {
        Event::new(self.clock.now_us(), LAB, event).about(target)
    }

    /// How many events nobody took in time. A history that lacks some proves nothing.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
