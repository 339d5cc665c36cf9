//! Asks the replicas, answers with the majority, and goes on listening to the others.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::agreement::Agreement;
use super::state::{Ballot, Decision, Reply, Seat};
use super::tally::{NoQuorum, Tally};

/// What a majority said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed<V> {
    /// The answer.
    pub value: V,
    /// The version it is about.
    pub version: u64,
    /// Who had said what by then.
    pub tally: Tally,
}

/// Calls that were still out when the vote was decided. Dropped, they are cancelled.
#[derive(Debug)]
pub struct Stragglers<V, A> {
    ballot: Ballot<V, A>,
    calls: JoinSet<Reply<V>>,
    replicas: HashMap<Id, usize>,
}

/// Asks every replica that has a seat, all at once, and answers as soon as the vote is decided.
///
/// A call that panics is a failed reply. The stragglers come back with the answer, so that the
/// caller can go on at once and have them scored by a task of its own.
pub async fn collect<V, A, F>(
    ballot: Ballot<V, A>,
    mut call: impl FnMut(usize) -> F,
) -> (Result<Agreed<V>, NoQuorum>, Stragglers<V, A>)
where
    V: Clone + Send + 'static,
    A: Agreement<V>,
    F: Future<Output = Reply<V>> + Send + 'static,
{
    let (mut calls, mut replicas) = (JoinSet::new(), HashMap::new());
    if ballot.decision().is_none() {
        for (replica, seat) in ballot.seats().iter().enumerate() {
            if *seat != Seat::Absent {
                replicas.insert(calls.spawn(call(replica)).id(), replica);
            }
        }
    }
    let deadline = ballot.terms().deadline;
    let mut stragglers = Stragglers { ballot, calls, replicas };
    let decision = loop {
        if let Some(decision) = stragglers.ballot.decision() {
            break decision;
        }
        if !stragglers.listen(deadline).await {
            stragglers.ballot.expire(deadline);
        }
    };
    (stragglers.result(decision), stragglers)
}

impl<V, A> Stragglers<V, A>
where
    V: Clone + Send + 'static,
    A: Agreement<V>,
{
    /// Listens until all have replied or until `until`, cancels the rest, and tells who said what
    /// in the end: what a late replica says is as telling as what a quick one says.
    pub async fn score(mut self, until: Instant) -> Tally {
        while !self.calls.is_empty() && self.listen(until).await {}
        self.ballot.tally()
    }

    /// How many have not replied.
    pub fn outstanding(&self) -> usize {
        self.calls.len()
    }

    /// Takes the next reply; answers whether one came before `until`.
    async fn listen(&mut self, until: Instant) -> bool {
        let joined = timeout_at(until, self.calls.join_next_with_id()).await;
        let (call, reply) = match joined {
            Ok(Some(Ok((call, reply)))) => (call, reply),
            Ok(Some(Err(panic))) => (panic.id(), Reply::Failed),
            Ok(None) | Err(_) => return false,
        };
        if let Some(replica) = self.replicas.remove(&call) {
            self.ballot.take(replica, reply, Instant::now());
        }
        true
    }

    fn result(&self, decision: Decision) -> Result<Agreed<V>, NoQuorum> {
        let tally = self.ballot.tally();
        match decision {
            Decision::Agreed { .. } => {
                let (value, version) = self.ballot.answer().expect("an agreed ballot has one");
                Ok(Agreed { value: value.clone(), version, tally })
            }
            Decision::NoQuorum(why) => Err(NoQuorum { why, tally }),
        }
    }
}
