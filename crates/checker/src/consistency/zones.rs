//! Registers to which every value is written once: no search is needed then.
//!
//! Each value is current for one stretch of time, from its write to the next one. Of value `u`, all
//! we know is that it was current at some moment of each operation that wrote or read it. If one
//! of them ended before one of `v` began, `u` came before `v`. A history can be explained unless
//! two values came before each other, or a value was read before it was written.
//!
//! Two values clash so only if their *zones* do, from the first end of an operation of the value to
//! the last start of one. A zone that runs forward in time holds its value throughout: two of these
//! must not overlap, and none may hold a zone that runs backward. One sort shows it.
//!
//! Source: Gibbons and Korach, "Testing shared memories" (1997).

use std::collections::BTreeMap;

use super::access::{Access, BEFORE, NEVER};

/// What is wrong, by the places of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// Read, and nobody wrote it.
    NeverWritten { read: usize },
    /// The read had ended before the write began.
    ReadBeforeWrite { read: usize, write: usize },
    /// The same, and it may be that the value was there before and is written again: search.
    Unclear,
    /// `first` of the one value ended before `then` of the other began, and the other way round.
    Both { first: [usize; 2], then: [usize; 2] },
}

/// What is known of one value.
#[derive(Clone, Debug)]
struct Zone {
    write: Option<usize>,
    first_read: usize,
    /// The operation that ended first, and when. Without a write, the value was there before.
    first_end: (u64, Option<usize>),
    /// The operation that began last, and when.
    last_start: (u64, usize),
}

impl Zone {
    fn is_forward(&self) -> bool {
        self.first_end.0 < self.last_start.0
    }

    fn comes_before(&self, other: &Self) -> bool {
        self.first_end.0 < other.last_start.0
    }
}

/// Whether some value is written twice, or was there before, so that zones say nothing.
pub(super) fn repeats(accesses: &[Access<'_>], initial: Option<u32>) -> bool {
    let writes = accesses.iter().filter(|access| access.is_write);
    let mut written: Vec<u32> = writes.map(|access| access.value).chain(initial).collect();
    written.sort_unstable();
    written.windows(2).any(|pair| pair[0] == pair[1])
}

/// Finds a clash. `initial` is the value before the first write, if it is known; otherwise it is
/// whichever value was read and never written, if there is but one.
pub(super) fn clash(accesses: &[Access<'_>], initial: Option<u32>) -> Option<Clash> {
    let zones = zones(accesses);
    let of_others = || zones.iter().filter(|(value, _)| initial != Some(**value));
    let mut unwritten: Vec<usize> = of_others()
        .filter(|(_, zone)| zone.write.is_none())
        .map(|(_, zone)| zone.first_read)
        .collect();
    let mut allowed = usize::from(initial.is_none());
    if unwritten.len() > allowed {
        // The one that was read first may have been there.
        unwritten.sort_by_key(|read| accesses[*read].end);
        return Some(Clash::NeverWritten { read: unwritten[allowed] });
    }
    allowed -= unwritten.len();
    let early: Vec<Clash> = of_others()
        .filter_map(|(_, zone)| {
            let (read, write) = (zone.first_read, zone.write?);
            let is_early = accesses[read].end < accesses[write].start;
            is_early.then_some(Clash::ReadBeforeWrite { read, write })
        })
        .collect();
    match early.len() {
        0 => {}
        count if count <= allowed => return Some(Clash::Unclear),
        _ => return early.into_iter().next(),
    }
    let (mut forward, backward): (Vec<&Zone>, Vec<&Zone>) =
        zones.values().partition(|zone| zone.is_forward());
    forward.sort_by_key(|zone| zone.first_end.0);
    let overlap = forward.windows(2).find(|pair| pair[1].comes_before(pair[0]));
    if let Some(pair) = overlap {
        return both(pair[0], pair[1]);
    }
    backward.into_iter().find_map(|zone| {
        let after = forward.partition_point(|other| other.first_end.0 < zone.last_start.0);
        let around = forward[..after].last()?;
        if zone.comes_before(around) { both(around, zone) } else { None }
    })
}

/// The operations that show that each came before the other.
fn both(one: &Zone, other: &Zone) -> Option<Clash> {
    match (one.first_end.1, other.first_end.1) {
        (Some(one_end), Some(other_end)) => Some(Clash::Both {
            first: [one_end, other.last_start.1],
            then: [other_end, one.last_start.1],
        }),
        // What was there before anything is before the other in any case.
        (None, Some(end)) => {
            Some(Clash::Both { first: [end, one.last_start.1], then: [end, one.last_start.1] })
        }
        (Some(end), None) => {
            Some(Clash::Both { first: [end, other.last_start.1], then: [end, other.last_start.1] })
        }
        (None, None) => None,
    }
}

fn zones(accesses: &[Access<'_>]) -> BTreeMap<u32, Zone> {
    let mut zones: BTreeMap<u32, Zone> = BTreeMap::new();
    for (index, access) in accesses.iter().enumerate() {
        let zone = zones.entry(access.value).or_insert(Zone {
            write: None,
            first_read: index,
            first_end: (NEVER, None),
            last_start: (BEFORE, index),
        });
        if access.is_write {
            zone.write = Some(index);
        }
        if access.end < accesses[zone.first_read].end {
            zone.first_read = index;
        }
        if access.end < zone.first_end.0 {
            zone.first_end = (access.end, Some(index));
        }
        if access.start > zone.last_start.0 {
            zone.last_start = (access.start, index);
        }
    }
    // A write without an answer that nobody has read may as well never have happened.
    zones.retain(|_, zone| zone.first_end.1.is_some());
    for zone in zones.values_mut().filter(|zone| zone.write.is_none()) {
        zone.first_end = (BEFORE, None);
    }
    zones
}
