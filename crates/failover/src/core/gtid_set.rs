//! A set of MySQL's transactions, as `gtid_executed` writes it: `UUID:1-5:7,UUID:1-3`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Of each source (and tag) the numbers, as inclusive ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GtidSet(BTreeMap<String, Vec<(u64, u64)>>);

/// A text that is no set of GTIDs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no set of GTIDs such as `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5`")]
pub struct GtidError {
    text: String,
}

impl GtidSet {
    /// Does it hold all of `other`?
    pub fn contains(&self, other: &Self) -> bool {
        self.lacks(other) == 0
    }

    /// How many of `other` it does not hold.
    pub fn lacks(&self, other: &Self) -> u64 {
        let none = Vec::new();
        let lacking = |(source, theirs): (&String, &Vec<(u64, u64)>)| {
            let ours = self.0.get(source).unwrap_or(&none);
            let shared = |(first, last): &(u64, u64)| -> u64 {
                ours.iter()
                    .map(|(ours_first, ours_last)| {
                        let (from, to) = (first.max(ours_first), last.min(ours_last));
                        (to + 1).saturating_sub(*from)
                    })
                    .sum()
            };
            theirs.iter().map(|range| range.1 - range.0 + 1 - shared(range)).sum::<u64>()
        };
        other.0.iter().map(lacking).sum()
    }

    fn add(&mut self, source: &str, first: u64, last: u64) {
        let ranges = self.0.entry(source.to_owned()).or_default();
        ranges.push((first, last));
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges.drain(..) {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        *ranges = merged;
    }
}

impl FromStr for GtidSet {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, GtidError> {
        let wrong = || GtidError { text: text.to_owned() };
        let mut set = Self::default();
        // MySQL breaks long sets into lines.
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut fields = part.split(':').map(str::trim);
            let mut source = fields.next().unwrap_or_default().to_ascii_lowercase();
            let uuid = source.clone();
            if uuid.len() != 36 {
                return Err(wrong());
            }
            let mut ranges = 0;
            for field in fields {
                if field.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
                    source = format!("{uuid}:{}", field.to_ascii_lowercase());
                    continue;
                }
                let (first, last) = field.split_once('-').unwrap_or((field, field));
                let first: u64 = first.trim().parse().map_err(|_| wrong())?;
                let last: u64 = last.trim().parse().map_err(|_| wrong())?;
                if first == 0 || last < first || last == u64::MAX {
                    return Err(wrong());
                }
                set.add(&source, first, last);
                ranges += 1;
            }
            if ranges == 0 {
                return Err(wrong());
            }
        }
        Ok(set)
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (source, ranges)) in self.0.iter().enumerate() {
            write!(f, "{}{source}", if index == 0 { "" } else { "," })?;
            for (first, last) in ranges {
                if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for GtidSet {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, GtidError> {
        text.parse()
    }
}

impl From<GtidSet> for String {
    fn from(set: GtidSet) -> Self {
        set.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_that_touch_are_one_and_lines_do_not_matter() {
        let written = format!("{A}:4-5:1-3:9,\n{B}:7");
        assert_eq!(set(&written).to_string(), format!("{A}:1-5:9,{B}:7"));
        assert_eq!(set(""), GtidSet::default());
    }

    #[test]
    fn a_gap_and_a_foreign_source_are_not_held() {
        let all = set(&format!("{A}:1-10"));
        assert!(all.contains(&set(&format!("{A}:2-3:10"))));
        assert_eq!(set(&format!("{A}:1-4:6-9")).lacks(&all), 2, "5 and 10");
        assert_eq!(all.lacks(&set(&format!("{A}:1,{B}:1-3"))), 3);
        assert!(all.contains(&GtidSet::default()));
    }

    #[test]
    fn tagged_transactions_are_a_source_of_their_own() {
        let tagged = set(&format!("{A}:1-3:nightly:1-2"));
        assert_eq!(set(&format!("{A}:1-9")).lacks(&tagged), 2);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["1-5", A, &format!("{A}:5-1"), &format!("{A}:0"), "x:1"] {
            assert!(text.parse::<GtidSet>().is_err(), "{text}");
        }
    }
}
