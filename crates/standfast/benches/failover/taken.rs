//! Whether two servers took writes at once: one of them took a write between two that the other
//! took over one session. A session ends with its process, so that the other was the same all the
//! time.

/// Two changes of the primary take longer than this: between them, one session may take writes,
/// lose that right and have it again.
pub(crate) const APART_US_MAX: u64 = 2_000_000;

/// A write that a server took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) session: u64,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

/// The writes of `inner` that lie between two of `outer` over one session.
pub(crate) fn between(outer: &[Taken], inner: &[Taken]) -> Vec<Taken> {
    let is_between = |taken: &&Taken| {
        let before = outer.partition_point(|other| other.to_us <= taken.from_us).checked_sub(1);
        let after = outer.partition_point(|other| other.from_us < taken.to_us);
        let (Some(before), Some(after)) = (before.map(|place| outer[place]), outer.get(after))
        else {
            return false;
        };
        before.session == after.session && after.from_us - before.to_us <= APART_US_MAX
    };
    inner.iter().filter(is_between).copied().collect()
}
