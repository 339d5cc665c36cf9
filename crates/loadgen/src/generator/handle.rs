//! The handle of a generator's thread: watch it, stop it, wait for it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mio::{Poll, Waker};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::oneshot;

use super::Clock;
use super::event_loop::{EventLoop, ORDERS, Order, Orders};
use super::lane::{Lane, LanePlan};
use super::sleep::Priority;
use super::tally::{Counters, Progress, Tallied};

/// A running generator. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Generator {
    clock: Clock,
    orders: Arc<Orders>,
    waker: Waker,
    lanes: Vec<(String, Arc<Counters>)>,
    results: oneshot::Receiver<Results>,
    thread: Option<JoinHandle<()>>,
}

/// What a generator's thread leaves behind.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) lanes: Vec<Tallied>,
    /// CPU time of the thread, user and system.
    pub(crate) cpu: Duration,
}

impl Generator {
    /// Starts a thread that runs `plans`.
    pub(crate) fn start(plans: Vec<LanePlan>, clock: Clock) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), ORDERS)?;
        let orders = Arc::<Orders>::default();
        let takes_precedence = plans.iter().all(|plan| plan.pace.is_open());
        let mut counters = Vec::with_capacity(plans.len());
        let mut lanes = Vec::with_capacity(plans.len());
        for (number, plan) in plans.into_iter().enumerate() {
            let shared = Arc::<Counters>::default();
            counters.push((plan.requests.scenario().name().to_owned(), Arc::clone(&shared)));
            lanes.push(Lane::new(number, plan, shared));
        }
        let event_loop = EventLoop::new(poll, clock, Arc::clone(&orders), lanes)?;
        let (sender, results) = oneshot::channel();
        let thread = std::thread::Builder::new().name("loadgen".to_owned()).spawn(move || {
            let priority = if takes_precedence { take_precedence() } else { Priority::Ordinary };
            let before = thread_cpu();
            let lanes =
                event_loop.run(priority).expect("the kernel keeps an epoll and a timer usable");
            let cpu = thread_cpu().saturating_sub(before);
            // Nobody listens when the handle was dropped, and that is why the run ended.
            let _ = sender.send(Results { lanes, cpu });
        })?;
        Ok(Self { clock, orders, waker, lanes: counters, results, thread: Some(thread) })
    }

    pub(crate) fn progress(&self) -> Vec<Progress> {
        let now = self.clock.now();
        self.lanes.iter().map(|(name, counters)| counters.progress(name, now)).collect()
    }

    /// Lets nothing new begin.
    pub(crate) fn stop(&self) {
        self.give(Order::Stop);
    }

    /// Waits until everything that was begun has ended.
    pub(crate) async fn finish(mut self) -> Results {
        if let Ok(results) = (&mut self.results).await {
            return results;
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("a generator that does not panic leaves results"),
        }
    }

    fn give(&self, order: Order) {
        self.orders.give(order);
        // It fails only when the kernel has no memory left, and then the order is seen at the next
        // event anyway.
        let _ = self.waker.wake();
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.give(Order::Abort);
        if let Some(thread) = self.thread.take() {
            // A panic was either passed on by `finish` or belongs to a run that nobody waits for.
            let _ = thread.join();
        }
    }
}

fn thread_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Duration::ZERO };
    let duration = |time: TimeVal| {
        let seconds = Duration::from_secs(time.tv_sec().unsigned_abs());
        seconds + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    duration(usage.user_time()) + duration(usage.system_time())
}

/// An instrument must not wait for what it measures: an open loop sleeps between its sends, so that
/// a real-time priority costs the system nothing and makes the sends exact. Ordinary users may not
/// have it; theirs are later on a busy machine, and `lateness` says so.
fn take_precedence() -> Priority {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    match set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        Ok(()) => Priority::RealTime,
        // Not to have it is no error.
        Err(_) => Priority::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_take_precedence_has_it() {
        let policy = std::thread::spawn(|| {
            // Whether the kernel would let us, asked in another way.
            let is_allowed = nix::unistd::geteuid().is_root();
            let priority = take_precedence();
            assert!(!is_allowed || priority == Priority::RealTime);
            is_allowed.then(thread_priority::thread_schedule_policy)
        });
        let round_robin = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        if let Some(policy) = policy.join().unwrap() {
            assert_eq!(policy, Ok(round_robin));
        }
    }
}
