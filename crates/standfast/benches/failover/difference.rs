//! What was acknowledged beside what a server has: rows that are lost, rows that are there twice.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Acknowledged, and not there.
    pub(crate) lost: usize,
    /// There more than once.
    pub(crate) doubled: usize,
}

/// Both are ascending; what is present comes with how often.
pub(crate) fn compare(wanted: &[u64], present: &[(i64, i64)]) -> Difference {
    let is_there = |sequence: &u64| {
        i64::try_from(*sequence)
            .is_ok_and(|sequence| present.binary_search_by_key(&sequence, |row| row.0).is_ok())
    };
    Difference {
        lost: wanted.iter().filter(|sequence| !is_there(sequence)).count(),
        doubled: present.iter().filter(|(_, count)| *count > 1).count(),
    }
}
