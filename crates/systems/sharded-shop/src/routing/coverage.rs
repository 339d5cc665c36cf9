//! Which slots an answer covers: what each shard owned in the snapshot that it answered from.

use std::fmt;

use serde::Serialize;
use standfast_tactics::shard::Slot;

/// Ranges of slots, ascending, none touching the next. The end is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Slots(Vec<(u32, u32)>);

/// What is not in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in super::super) struct Missing {
    pub(in super::super) shard: String,
    pub(in super::super) slots: String,
    pub(in super::super) reason: String,
}

/// A text that is no set of ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no set of ranges as PostgreSQL writes it")]
pub(in super::super) struct RangesError(String);

impl Slots {
    /// From PostgreSQL's form of an `int4multirange`: `{[0,1024),[2048,2049)}`.
    pub(in super::super) fn parse(text: &str) -> Result<Self, RangesError> {
        let wrong = || RangesError(text.to_owned());
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(wrong)?;
        let ranges = inner.split_terminator(')').map(|range| {
            let range = range.trim_start_matches(',').strip_prefix('[')?;
            let (from, to) = range.split_once(',')?;
            Some((from.parse().ok()?, to.parse().ok()?))
        });
        ranges.collect::<Option<_>>().map(Self).ok_or_else(wrong)
    }

    /// Of slots that ascend.
    pub(in super::super) fn of(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for slot in slots {
            let slot = u32::from(slot.0);
            match ranges.last_mut() {
                Some((_, end)) if *end == slot => *end += 1,
                _ => ranges.push((slot, slot + 1)),
            }
        }
        Self(ranges)
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in super::super) fn contains(&self, slot: u32) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= slot);
        after > 0 && slot < self.0[after - 1].1
    }

    /// Those of these that `other` has not.
    pub(in super::super) fn without(&self, other: &Self) -> Self {
        let slots = self.0.iter().flat_map(|(from, to)| *from..*to);
        let left = slots.filter(|slot| !other.contains(*slot));
        Self::of(left.map(|slot| Slot(slot as u16)))
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match to - from {
                1 => write!(formatter, "{comma}{from}")?,
                _ => write!(formatter, "{comma}{from}-{}", to - 1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(slots: &BTreeSet<u16>) -> Slots {
        Slots::of(slots.iter().copied().map(Slot))
    }

    proptest! {
        #[test]
        fn sets_of_ranges_are_sets(
            some in prop::collection::btree_set(0..40_u16, 0..40),
            others in prop::collection::btree_set(0..40_u16, 0..40),
        ) {
            let (left, right) = (of(&some), of(&others));
            for slot in 0..41 {
                prop_assert_eq!(left.contains(u32::from(slot)), some.contains(&slot));
            }
            let without: BTreeSet<u16> = some.difference(&others).copied().collect();
            prop_assert_eq!(left.without(&right), of(&without));
            let text: Vec<String> =
                left.0.iter().map(|(from, to)| format!("[{from},{to})")).collect();
            prop_assert_eq!(Slots::parse(&format!("{{{}}}", text.join(","))).unwrap(), left);
        }
    }

    #[test]
    fn they_are_shown_as_people_write_them() {
        assert_eq!(Slots::parse("{[0,1024),[2000,2001)}").unwrap().to_string(), "0-1023,2000");
        assert!(Slots::parse("{}").unwrap().is_empty());
        for wrong in ["", "{[1,2]}", "{(1,2)}", "[1,2)", "{[a,2)}"] {
            assert!(Slots::parse(wrong).is_err(), "{wrong}");
        }
    }
}
