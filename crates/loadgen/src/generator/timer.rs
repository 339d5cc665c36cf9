//! Waking up at a given microsecond.
//!
//! `epoll_wait` takes whole milliseconds and the kernel may add 50 µs of slack to them; a timerfd
//! has nanoseconds and no slack.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// One alarm, registered with a poll.
#[derive(Debug)]
pub(super) struct Timer {
    timer: TimerFd,
    /// When it goes off, if it still will.
    armed: Option<Duration>,
}

impl Timer {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let descriptor = timer.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        Ok(Self { timer, armed: None })
    }

    /// Makes sure that the poll wakes up at `at` or before. An earlier alarm stays: waking once too
    /// often is cheaper than setting the timer for every answer.
    pub(super) fn wake_by(&mut self, at: Duration, now: Duration) -> io::Result<()> {
        if self.armed.is_some_and(|armed| armed <= at) {
            return Ok(());
        }
        // Zero would disarm it.
        let left = at.saturating_sub(now).max(Duration::from_nanos(1));
        // The poll is edge-triggered: setting the timer anew makes the next edge, and nobody has to
        // read the old one away.
        self.timer.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
        self.armed = Some(at);
        Ok(())
    }

    /// Notes that the alarm went off: it will not do so again by itself.
    pub(super) fn rang(&mut self) {
        self.armed = None;
    }
}
