//! Sets of slots as ranges: what a move moves, as text and as a condition in SQL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Slots from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotRange {
    pub first: u16,
    pub last: u16,
}

/// Ranges in ascending order that neither overlap nor touch.
///
/// Its text is `0-63,128-255`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotSet {
    ranges: Vec<SlotRange>,
}

/// A text that is no set of slots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotSetError {
    #[error("`{0}` is no slot: a number from 0 to 65535 is expected")]
    Number(String),
    #[error("the range `{0}` ends before it begins")]
    Backwards(String),
}

impl SlotSet {
    /// The set of these slots, in any order.
    pub fn of(slots: impl IntoIterator<Item = u16>) -> Self {
        let mut slots: Vec<u16> = slots.into_iter().collect();
        slots.sort_unstable();
        slots.dedup();
        let mut ranges: Vec<SlotRange> = Vec::new();
        for slot in slots {
            match ranges.last_mut() {
                Some(range) if u32::from(range.last) + 1 == u32::from(slot) => range.last = slot,
                Some(_) | None => ranges.push(SlotRange { first: slot, last: slot }),
            }
        }
        Self { ranges }
    }

    pub fn ranges(&self) -> &[SlotRange] {
        &self.ranges
    }

    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges.iter().flat_map(|range| range.first..=range.last)
    }

    pub fn len(&self) -> usize {
        self.ranges.iter().map(|range| usize::from(range.last - range.first) + 1).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn contains(&self, slot: u16) -> bool {
        self.ranges.iter().any(|range| (range.first..=range.last).contains(&slot))
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.iter().any(|slot| other.contains(slot))
    }

    /// The condition that a row of the set meets, for a `WHERE` and for a publication's filter.
    pub fn condition(&self) -> String {
        let range = |range: &SlotRange| format!("slot BETWEEN {} AND {}", range.first, range.last);
        let ranges: Vec<String> = self.ranges.iter().map(range).collect();
        if ranges.is_empty() { "false".to_owned() } else { format!("({})", ranges.join(" OR ")) }
    }
}

impl fmt::Display for SlotSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if range.first == range.last {
                write!(formatter, "{separator}{}", range.first)?;
            } else {
                write!(formatter, "{separator}{}-{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}

impl FromStr for SlotSet {
    type Err = SlotSetError;

    fn from_str(text: &str) -> Result<Self, SlotSetError> {
        let number = |text: &str| {
            text.trim().parse::<u16>().map_err(|_| SlotSetError::Number(text.trim().to_owned()))
        };
        let mut slots = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(SlotSetError::Backwards(part.trim().to_owned()));
            }
            slots.extend(first..=last);
        }
        Ok(Self::of(slots))
    }
}

impl TryFrom<String> for SlotSet {
    type Error = SlotSetError;

    fn try_from(text: String) -> Result<Self, SlotSetError> {
        text.parse()
    }
}

impl From<SlotSet> for String {
    fn from(set: SlotSet) -> Self {
        set.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_same_in_any_order_and_as_text() {
        let set = SlotSet::of([9, 3, 1, 2, 3, 7]);
        assert_eq!(set.to_string(), "1-3,7,9");
        assert_eq!("7, 9,1-3".parse(), Ok(set.clone()));
        assert_eq!((set.len(), set.contains(8)), (5, false));
        let condition = "(slot BETWEEN 1 AND 3 OR slot BETWEEN 7 AND 7 OR slot BETWEEN 9 AND 9)";
        assert_eq!(set.condition(), condition);
        assert_eq!(SlotSet::of([u16::MAX, 65534]).to_string(), "65534-65535");
    }

    #[test]
    fn what_is_no_set_is_refused_with_the_part_that_is_wrong() {
        assert_eq!("1-x".parse::<SlotSet>(), Err(SlotSetError::Number("x".to_owned())));
        assert_eq!("1,9-3".parse::<SlotSet>(), Err(SlotSetError::Backwards("9-3".to_owned())));
    }
}
