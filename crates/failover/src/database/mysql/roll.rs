//! What the servers of a cluster said of themselves last. A primary of these engines does not
//! know how far its replica is, so its report is made of what the replica's own session heard.
//!
//! What a replica has only grows while it receives, so an old word of it is a careful one. It
//! counts for a moment all the same: who is silent does not follow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::{Follower, NodeId, Position};

/// Held connections ask every 50 ms, and new ones every 250 ms: a replica whose last word is
/// older was missed by all of them.
const WORD_AGE_MAX: Duration = Duration::from_millis(400);

/// A replica, as it said itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// Whom it receives from right now.
    pub(super) follows: NodeId,
    /// What it has, so that it survives the end of its process.
    pub(super) holds: Position,
    /// What of that it has applied.
    pub(super) applied: Position,
    /// Whether its primary may take what it answers for an acknowledgement.
    pub(super) acknowledges: bool,
    /// Since when its server runs, where a restart drops something: a number, and no time.
    pub(super) life: u64,
}

impl Word {
    /// Why its server, in the life `life` and with `position`, has lost something since.
    pub(super) fn loss(&self, life: u64, position: &Position) -> Option<String> {
        if life != self.life {
            return Some("it was restarted since, which drops what it had not applied".to_owned());
        }
        let lacks = !position.holds(&self.holds);
        lacks.then(|| format!("it held {:?} and has only {position:?}", self.holds))
    }
}

/// Shared by the adapters of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Roll(Arc<Mutex<Vec<Said>>>);

/// What one server said.
#[derive(Clone, Debug, Default)]
struct Said {
    /// Its last word, and when it was asked for.
    word: Option<(Instant, Word)>,
    /// Its number in replication: no two servers of a cluster have the same.
    number: Option<u32>,
}

impl Roll {
    pub(super) fn of(nodes: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Said::default(); nodes])))
    }

    /// Takes what `node` said at `at`, when it followed somebody. What it said before stays known
    /// otherwise: it is what it must still have.
    pub(super) fn note(&self, node: NodeId, at: Instant, word: Word) {
        let mut words = self.lock();
        let last = &mut words[node.index()].word;
        // Looks overlap: an answer that is late tells of an older world.
        if last.as_ref().is_none_or(|(before, _)| *before <= at) {
            *last = Some((at, word));
        }
    }

    /// Forgets what `node` had: it is a primary now.
    pub(super) fn forget(&self, node: NodeId) {
        self.lock()[node.index()].word = None;
    }

    /// Takes the number that `node` has in replication.
    pub(super) fn number(&self, node: NodeId, number: u32) {
        self.lock()[node.index()].number = Some(number);
    }

    /// Who has that number.
    pub(super) fn numbered(&self, number: u32) -> Option<NodeId> {
        let words = self.lock();
        words.iter().position(|said| said.number == Some(number)).map(NodeId::new)
    }

    /// Who follows `primary` at `now`. Their answers count when commits wait for them.
    pub(super) fn followers(&self, primary: NodeId, now: Instant, waits: bool) -> Vec<Follower> {
        let words = self.lock();
        let follower = |(index, said): (usize, &Said)| {
            let (at, word) = said.word.as_ref()?;
            let is_fresh = now.saturating_duration_since(*at) <= WORD_AGE_MAX;
            (is_fresh && word.follows == primary).then(|| Follower {
                node: NodeId::new(index),
                flushed: word.holds.clone(),
                applied: word.applied.clone(),
                is_counted: waits && word.acknowledges,
            })
        };
        words.iter().enumerate().filter_map(follower).collect()
    }

    /// What `node` said last when it followed somebody.
    pub(super) fn last(&self, node: NodeId) -> Option<Word> {
        self.lock()[node.index()].word.as_ref().map(|(_, word)| word.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary() -> NodeId {
        NodeId::new(0)
    }

    fn replica() -> NodeId {
        NodeId::new(1)
    }

    fn at(sequence: u64) -> Position {
        Position::Domains([(0, sequence)].into())
    }

    fn word(sequence: u64) -> Word {
        Word {
            follows: primary(),
            holds: at(sequence),
            applied: at(sequence),
            acknowledges: true,
            life: 40,
        }
    }

    #[test]
    fn a_replica_counts_as_long_as_its_word_is_fresh() {
        let (roll, now) = (Roll::of(2), Instant::now());
        roll.note(replica(), now, word(7));
        let followers = roll.followers(primary(), now + WORD_AGE_MAX, true);
        assert_eq!(followers.len(), 1);
        assert!(followers[0].is_counted && followers[0].flushed == at(7));
        assert!(!roll.followers(primary(), now, false)[0].is_counted, "nobody waits for it");
        let late = now + WORD_AGE_MAX + Duration::from_millis(1);
        assert!(roll.followers(primary(), late, true).is_empty());
        assert!(roll.followers(replica(), now, true).is_empty(), "it follows somebody else");
    }

    #[test]
    fn a_late_answer_does_not_replace_a_newer_one() {
        let (roll, now) = (Roll::of(2), Instant::now());
        roll.note(replica(), now + Duration::from_millis(5), word(9));
        roll.note(replica(), now, word(7));
        assert_eq!(roll.followers(primary(), now, true)[0].flushed, at(9));
    }

    #[test]
    fn who_was_restarted_or_has_less_than_before_has_lost_something() {
        let roll = Roll::of(2);
        roll.note(replica(), Instant::now(), word(7));
        let said = roll.last(replica()).unwrap();
        assert_eq!(said.loss(40, &at(8)), None);
        assert!(said.loss(40, &at(6)).is_some());
        assert!(said.loss(41, &at(8)).is_some(), "another life");
        roll.forget(replica());
        assert_eq!(roll.last(replica()), None);
    }

    #[test]
    fn a_server_is_known_by_its_number_wherever_it_is_reached() {
        let roll = Roll::of(2);
        assert_eq!(roll.numbered(7), None);
        roll.number(primary(), 7);
        roll.number(replica(), 8);
        roll.forget(primary());
        assert_eq!((roll.numbered(7), roll.numbered(9)), (Some(primary()), None));
    }
}
