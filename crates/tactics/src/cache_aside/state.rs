//! The decision about one copy. Positions are anything ordered, such as log positions or versions.

use std::time::Duration;

/// How long copies live.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    ttl: Duration,
    stale_for: Duration,
    jitter: f64,
}

/// Why a policy makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing would ever be fresh.
    #[error("a TTL of zero keeps nothing; switch the cache off instead")]
    ZeroTtl,
    /// The jitter is no share below one.
    #[error("a jitter of {jitter} is no share from 0 up to, not including, 1")]
    Jitter {
        /// What was asked for.
        jitter: f64,
    },
}

impl Policy {
    /// Copies are fresh for `ttl`, less a random share of it up to `jitter`, and usable in need for
    /// another `stale_for`.
    ///
    /// # Errors
    /// When `ttl` is zero or `jitter` is no share below one.
    pub fn try_new(ttl: Duration, stale_for: Duration, jitter: f64) -> Result<Self, PolicyError> {
        if ttl.is_zero() {
            return Err(PolicyError::ZeroTtl);
        }
        if !(0.0..1.0).contains(&jitter) {
            return Err(PolicyError::Jitter { jitter });
        }
        Ok(Self { ttl, stale_for, jitter })
    }

    /// The time that a new copy is fresh for. `draw` is a random number from 0 to 1: copies made
    /// together must not expire together. Never longer than the TTL, which is a promise.
    pub fn fresh_for(&self, draw: f64) -> Duration {
        self.ttl.mul_f64(1.0 - self.jitter * draw.clamp(0.0, 1.0))
    }

    /// When the store may drop a copy: nothing can be served from it any more.
    pub fn keep_for(&self) -> Duration {
        self.ttl + self.stale_for
    }

    /// What `copy` may be used for, when the last write to what it shows stands at `invalidated`.
    pub fn judge<P: PartialOrd>(&self, copy: &CachedCopy<P>, invalidated: &P) -> Freshness {
        // Staleness counts from the soft point, so that a short jittered TTL does not shorten it.
        if copy.age >= copy.fresh_for.saturating_add(self.stale_for) {
            Freshness::TooOld
        } else if copy.position < *invalidated {
            Freshness::Stale(StaleBecause::Invalidated)
        } else if copy.age >= copy.fresh_for {
            Freshness::Stale(StaleBecause::Expired)
        } else {
            Freshness::Fresh
        }
    }

    /// Whether an answer read at `position` may be put into the cache. One that a write has
    /// overtaken while it was being read must not replace anything.
    pub fn accepts_fill<P: PartialOrd>(&self, position: &P, invalidated: &P) -> bool {
        position >= invalidated
    }
}

/// What is known about a copy without looking at its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedCopy<P> {
    /// Time since it was read from the origin.
    pub age: Duration,
    /// What [`Policy::fresh_for`] drew for it.
    pub fresh_for: Duration,
    /// A position that the origin had certainly reached when it was read.
    pub position: P,
}

/// What a copy may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Everything.
    Fresh,
    /// To be served in need, and then marked as stale.
    Stale(StaleBecause),
    /// Nothing.
    TooOld,
}

/// Why a copy is not fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleBecause {
    /// Its time has passed.
    Expired,
    /// A write came after it.
    Invalidated,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Policy {
        Policy::try_new(30 * SECOND, 600 * SECOND, 0.1).unwrap()
    }

    #[track_caller]
    fn check(age_s: u32, position: u64, invalidated: u64, expected: Freshness) {
        let copy = CachedCopy { age: age_s * SECOND, fresh_for: 28 * SECOND, position };
        assert_eq!(policy().judge(&copy, &invalidated), expected);
    }

    #[test]
    fn a_copy_is_fresh_then_stale_then_nothing() {
        check(0, 5, 0, Freshness::Fresh);
        check(27, 5, 0, Freshness::Fresh);
        check(28, 5, 0, Freshness::Stale(StaleBecause::Expired));
        check(627, 5, 0, Freshness::Stale(StaleBecause::Expired));
        check(628, 5, 0, Freshness::TooOld);
    }

    #[test]
    fn a_write_makes_older_copies_stale_and_refuses_older_fills() {
        check(1, 5, 5, Freshness::Fresh);
        check(1, 5, 6, Freshness::Stale(StaleBecause::Invalidated));
        check(628, 5, 6, Freshness::TooOld);
        assert!(policy().accepts_fill(&6, &6));
        assert!(!policy().accepts_fill(&5, &6));
    }

    #[test]
    fn jitter_only_shortens() {
        assert_eq!(policy().fresh_for(0.0), 30 * SECOND);
        assert_eq!(policy().fresh_for(1.0), 27 * SECOND);
        assert_eq!(policy().fresh_for(7.0), 27 * SECOND, "a draw outside of 0..1 is clamped");
    }

    #[test]
    fn impossible_policies_are_refused() {
        assert_eq!(Policy::try_new(Duration::ZERO, SECOND, 0.1), Err(PolicyError::ZeroTtl));
        assert!(Policy::try_new(SECOND, SECOND, 1.0).is_err());
        assert!(Policy::try_new(SECOND, SECOND, f64::NAN).is_err());
    }
}
