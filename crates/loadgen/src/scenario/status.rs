//! A set of HTTP statuses, asked once per answer.

use std::ops::RangeInclusive;

use super::ScenarioError;

/// The statuses that RFC 9110 gives a meaning to.
const STATUSES: RangeInclusive<u16> = 100..=599;

/// One bit per status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusSet([u64; 10]);

impl StatusSet {
    /// The set of `statuses`, which stand in the list called `list`.
    pub(crate) fn try_new(
        scenario: &str,
        list: &'static str,
        statuses: impl IntoIterator<Item = u16>,
    ) -> Result<Self, ScenarioError> {
        let mut set = Self::default();
        for status in statuses {
            if !STATUSES.contains(&status) {
                return Err(ScenarioError::Status { scenario: scenario.to_owned(), list, status });
            }
            set.0[usize::from(status / 64)] |= 1 << (status % 64);
        }
        Ok(set)
    }

    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0.get(usize::from(status / 64)).is_some_and(|word| word & (1 << (status % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::StatusSet;

    #[test]
    fn a_status_beyond_the_last_word_is_in_no_set() {
        let set = StatusSet::try_new("s", "success", [200, 599]).unwrap();
        assert!(set.contains(200) && set.contains(599));
        assert!(!set.contains(201) && !set.contains(640) && !set.contains(u16::MAX));
    }
}
