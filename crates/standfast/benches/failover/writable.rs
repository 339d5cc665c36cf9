//! Tries a real write on both servers of a cluster, behind the router's back, again and again:
//! never may both of them take one.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standfast_lab::instance::Clock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use crate::client::Link;
use crate::taken::{Taken, between};
use crate::target::Target;

const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A server that is frozen, or waits for its replica, takes nothing meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What a server took, in the order of time.
type Log = Arc<Mutex<Vec<Taken>>>;

/// Tries until it is dropped.
#[derive(Debug)]
pub(crate) struct Prober {
    taken: [Log; 2],
    /// When sessions ended.
    ended: [Arc<Mutex<Vec<u64>>>; 2],
    _tasks: JoinSet<()>,
}

/// What was seen in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) taken: usize,
    /// Those of them that a server took while the other one took writes, too.
    pub(crate) at_once: Vec<(usize, Taken)>,
}

impl Prober {
    pub(crate) fn start(target: &Target, clock: &Clock) -> Self {
        let (taken, ended) = (<[Log; 2]>::default(), <[Arc<Mutex<Vec<u64>>>; 2]>::default());
        let mut tasks = JoinSet::new();
        for (server, log) in taken.iter().enumerate() {
            let half_a_turn = if server == 0 { Duration::ZERO } else { BETWEEN_TRIES / 2 };
            let (target, clock) = (target.clone(), clock.clone());
            let (log, ended) = (Arc::clone(log), Arc::clone(&ended[server]));
            tasks.spawn(async move {
                let seat = Seat { target: &target, server, clock: &clock };
                probe(seat, half_a_turn, &log, &ended).await;
            });
        }
        Self { taken, ended, _tasks: tasks }
    }

    /// When the first session with a server ended since then: whoever held one could know.
    pub(crate) fn ended(&self, server: usize, since_us: u64) -> Option<u64> {
        let ended = self.ended[server].lock().expect("nobody panics with it in hand");
        ended.iter().copied().find(|at_us| *at_us >= since_us)
    }

    pub(crate) fn seen(&self, within: &Range<u64>) -> Seen {
        let [first, second] = self.taken.each_ref().map(|log| {
            let log = log.lock().expect("nobody panics with it in hand");
            log.iter().filter(|taken| within.contains(&taken.to_us)).copied().collect::<Vec<_>>()
        });
        let of_first = between(&second, &first).into_iter().map(|taken| (0, taken));
        let of_second = between(&first, &second).into_iter().map(|taken| (1, taken));
        Seen { taken: first.len() + second.len(), at_once: of_first.chain(of_second).collect() }
    }
}

/// Whom one half of the prober asks.
#[derive(Clone, Copy)]
struct Seat<'a> {
    target: &'a Target,
    server: usize,
    clock: &'a Clock,
}

async fn probe(seat: Seat<'_>, delay: Duration, log: &Log, ended: &Mutex<Vec<u64>>) {
    let Seat { target, server, clock } = seat;
    let mut ticks = interval_at(tokio::time::Instant::now() + delay, BETWEEN_TRIES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for session in 0.. {
        ticks.tick().await;
        let opened = timeout(ANSWER_WITHIN, Link::open(target.kind, &target.nodes[server].url));
        let Ok(Ok(mut link)) = opened.await else { continue };
        loop {
            ticks.tick().await;
            let from_us = clock.now_us();
            match timeout(ANSWER_WITHIN, link.probe(target, server, from_us)).await {
                Ok(Ok(())) => {
                    let taken = Taken { session, from_us, to_us: clock.now_us() };
                    log.lock().expect("nobody panics with it in hand").push(taken);
                }
                // Who refuses may take the next one over the same session.
                Ok(Err(error)) if error.is_refusal => {}
                Ok(Err(_)) => {
                    ended.lock().expect("nobody panics with it in hand").push(clock.now_us());
                    break;
                }
                Err(_silent) => break,
            }
        }
    }
}
