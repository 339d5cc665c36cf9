//! What the connections of one proxy share: the toxics in force, where they go, who is live, and
//! what was counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use tokio::sync::Notify;

use crate::link::{Chain, Seed};
use crate::proxy::{Adoption, Counters, Flow};
use crate::toxic::Direction;

/// The toxics of both directions. Never changed: replaced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chains {
    pub(crate) upstream: Chain,
    pub(crate) downstream: Chain,
}

impl Chains {
    pub(crate) fn of(&self, direction: Direction) -> &Chain {
        match direction {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        }
    }

    pub(crate) fn of_mut(&mut self, direction: Direction) -> &mut Chain {
        match direction {
            Direction::Upstream => &mut self.upstream,
            Direction::Downstream => &mut self.downstream,
        }
    }
}

/// One proxy, as its connections see it.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) name: String,
    /// What draws of its connections are derived from.
    pub(crate) seed: Seed,
    /// Grows with every change, so that a connection sees without a lock that there is nothing new.
    version: AtomicU64,
    state: Mutex<State>,
    /// Tells that the last connection has taken over the newest version.
    all_adopted: Notify,
    /// One for each thread that moves bytes, so that they do not wait for each other's.
    shards: Vec<Shard>,
    pub(super) dials_failed: AtomicU64,
    pub(super) refused: AtomicU64,
}

#[derive(Debug)]
struct State {
    chains: Arc<Chains>,
    upstream: Arc<str>,
    /// The number of the next connection.
    next: u64,
    /// Connections with a smaller number end.
    closed_below: u64,
    /// Those of them that end with a reset.
    reset_below: u64,
    live: HashMap<u64, Live>,
    /// How many live connections have not taken over the newest version.
    behind: usize,
}

#[derive(Debug)]
struct Live {
    waker: Option<Waker>,
    adopted: u64,
}

/// What one thread counted, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    upstream: FlowCounters,
    downstream: FlowCounters,
}

impl Shard {
    fn of(&self, direction: Direction) -> &FlowCounters {
        match direction {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        }
    }
}

/// Bytes of one direction, counted while they flow.
#[derive(Debug, Default)]
pub(super) struct FlowCounters {
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

/// What a connection must do to be up to date.
#[derive(Debug)]
pub(super) enum News {
    Adopt(Arc<Chains>),
    Close,
    Reset,
}

/// What stays of a proxy whatever it is changed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a str,
    /// Of the whole fault proxy.
    pub(crate) seed: Seed,
    /// That move bytes.
    pub(crate) threads: usize,
}

impl Traffic {
    pub(crate) fn new(origin: Origin<'_>, upstream: &str, chains: Chains) -> Arc<Self> {
        let Origin { name, seed, threads } = origin;
        Arc::new(Self {
            name: name.to_owned(),
            seed: seed.of_name(name),
            version: AtomicU64::new(0),
            state: Mutex::new(State {
                chains: Arc::new(chains),
                upstream: upstream.into(),
                next: 0,
                closed_below: 0,
                reset_below: 0,
                live: HashMap::new(),
                behind: 0,
            }),
            all_adopted: Notify::new(),
            shards: (0..threads).map(|_thread| Shard::default()).collect(),
            dials_failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    pub(crate) fn chains(&self) -> Arc<Chains> {
        Arc::clone(&self.lock().chains)
    }

    /// Puts other toxics in force, for live connections as well.
    pub(crate) fn put_in_force(&self, chains: Chains) {
        self.change(|state| state.chains = Arc::new(chains));
    }

    /// Ends what is live, and leads new connections elsewhere.
    pub(crate) fn redirect(&self, upstream: &str) {
        self.change(|state| {
            state.upstream = upstream.into();
            state.closed_below = state.next;
        });
    }

    /// Ends all live connections.
    pub(crate) fn close_all(&self) {
        self.change(|state| state.closed_below = state.next);
    }

    /// Resets all live connections; answers how many.
    pub(crate) fn reset_all(&self) -> usize {
        self.change(|state| {
            state.closed_below = state.next;
            state.reset_below = state.next;
        })
    }

    /// Makes a change and wakes all it concerns, outside of the lock; answers how many.
    fn change(&self, change: impl FnOnce(&mut State)) -> usize {
        let wakers: Vec<Option<Waker>> = {
            let mut state = self.lock();
            change(&mut state);
            self.version.fetch_add(1, Ordering::Release);
            state.behind = state.live.len();
            state.live.values().map(|live| live.waker.clone()).collect()
        };
        let concerned = wakers.len();
        wakers.into_iter().flatten().for_each(Waker::wake);
        concerned
    }

    /// Returns when every live connection runs under the newest toxics.
    pub(crate) async fn adopted(&self) {
        loop {
            let notified = self.all_adopted.notified();
            if self.adoption().is_complete {
                return;
            }
            notified.await;
        }
    }

    pub(crate) fn adoption(&self) -> Adoption {
        let state = self.lock();
        Adoption { connections: state.live.len(), is_complete: state.behind == 0 }
    }

    pub(crate) fn counters(&self) -> Counters {
        let (live, total) = {
            let state = self.lock();
            (state.live.len() as u64, state.next)
        };
        Counters {
            connections_live: live,
            connections_total: total,
            connections_refused: self.refused.load(Ordering::Relaxed),
            dials_failed: self.dials_failed.load(Ordering::Relaxed),
            upstream: self.flow(Direction::Upstream),
            downstream: self.flow(Direction::Downstream),
        }
    }

    fn flow(&self, direction: Direction) -> Flow {
        let mut flow = Flow::default();
        for shard in &self.shards {
            flow.received_bytes += shard.of(direction).received.load(Ordering::Relaxed);
            flow.sent_bytes += shard.of(direction).sent.load(Ordering::Relaxed);
        }
        flow
    }

    /// Enters a new connection that `thread` will serve.
    pub(super) fn enter(self: &Arc<Self>, thread: usize) -> Membership {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let version = self.version.load(Ordering::Relaxed);
        state.live.insert(number, Live { waker: None, adopted: version });
        Membership {
            traffic: Arc::clone(self),
            thread,
            number,
            version,
            chains: Some(Arc::clone(&state.chains)),
            upstream: Arc::clone(&state.upstream),
        }
    }

    fn one_less_behind(&self, state: &mut State) {
        state.behind -= 1;
        if state.behind == 0 {
            self.all_adopted.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state of a proxy")
    }
}

/// A live connection of a proxy; dropping it ends that.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) traffic: Arc<Traffic>,
    /// Which one serves it.
    thread: usize,
    /// How many connections the proxy had before it.
    pub(super) number: u64,
    pub(super) upstream: Arc<str>,
    version: u64,
    /// The toxics at the time it was entered, until it has taken them over.
    chains: Option<Arc<Chains>>,
}

impl Membership {
    /// The toxics to begin with.
    pub(super) fn first_chains(&mut self) -> Arc<Chains> {
        self.chains.take().unwrap_or_else(|| self.traffic.chains())
    }

    /// Where its bytes are counted.
    pub(super) fn flow(&self, direction: Direction) -> &FlowCounters {
        self.traffic.shards[self.thread].of(direction)
    }

    /// Whom to wake when there is news. Called once: a task keeps its waker.
    pub(super) fn register(&self, waker: &Waker) {
        if let Some(live) = self.traffic.lock().live.get_mut(&self.number) {
            live.waker = Some(waker.clone());
        }
    }

    /// What changed since this was asked last.
    pub(super) fn news(&mut self) -> Option<News> {
        if self.traffic.version.load(Ordering::Acquire) == self.version {
            return None;
        }
        let mut state = self.traffic.lock();
        self.version = self.traffic.version.load(Ordering::Relaxed);
        if self.number < state.closed_below {
            let is_reset = self.number < state.reset_below;
            return Some(if is_reset { News::Reset } else { News::Close });
        }
        // The caller adopts at once, and in the same poll.
        let version = self.version;
        if let Some(live) = state.live.get_mut(&self.number)
            && live.adopted != version
        {
            live.adopted = version;
            self.traffic.one_less_behind(&mut state);
        }
        Some(News::Adopt(Arc::clone(&state.chains)))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.traffic.lock();
        let version = self.traffic.version.load(Ordering::Relaxed);
        if let Some(live) = state.live.remove(&self.number)
            && live.adopted != version
        {
            self.traffic.one_less_behind(&mut state);
        }
    }
}
