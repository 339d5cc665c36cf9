//! Which answers are kept for clients who ask what became of a request: those of the last day, and
//! not more than some thousands.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};

pub(super) const COUNT_MAX: usize = 10_000;

/// Whoever has not asked by then looks at his reservations instead.
const KEPT_FOR: Duration = Duration::DAY;

/// Keys in the order of their ends.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(String, OffsetDateTime)>);

impl Recent {
    /// `key` has its answer since `at`. Answers the keys that are to be forgotten: age counts from
    /// the newest end, so that file and memory, which hear of the same ends, forget the same.
    pub(super) fn push(&mut self, key: String, at: OffsetDateTime) -> Vec<String> {
        self.0.push_back((key, at));
        let mut forgotten = Vec::new();
        while let Some((_, oldest)) = self.0.front()
            && (self.0.len() > COUNT_MAX || at - *oldest > KEPT_FOR)
        {
            forgotten.extend(self.0.pop_front().map(|(key, _)| key));
        }
        forgotten
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many_or_a_day_is_over() {
        let (mut recent, start) = (Recent::default(), OffsetDateTime::UNIX_EPOCH);
        for number in 0..COUNT_MAX {
            assert!(recent.push(number.to_string(), start).is_empty());
        }
        assert_eq!(recent.push("next".to_owned(), start + KEPT_FOR), ["0"]);
        let forgotten = recent.push("later".to_owned(), start + KEPT_FOR + Duration::SECOND);
        assert_eq!(forgotten.len(), COUNT_MAX - 1);
        assert_eq!(recent.keys().collect::<Vec<_>>(), ["next", "later"]);
        // A clock that was set back makes nothing old.
        assert!(recent.push("earlier".to_owned(), start).is_empty());
        assert_eq!(recent.len(), 3);
    }
}
