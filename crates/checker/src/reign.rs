//! Whether two servers of one cluster took writes at once.
//!
//! A reign is a time in which one server was seen to take writes at both ends, by one session, so
//! that it did so all the time between. Two reigns of different servers that share a moment are two
//! primaries: what one of them acknowledged the other does not have.

use std::fmt;

/// A time in which a server took writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reign {
    pub cluster: String,
    pub server: String,
    /// When it was seen to take writes first.
    pub from_us: u64,
    /// When it was seen to do so last.
    pub until_us: u64,
}

/// Two servers of a cluster that took writes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rivalry {
    pub cluster: String,
    /// The one that was there first comes first.
    pub servers: [String; 2],
    pub from_us: u64,
    pub until_us: u64,
}

impl fmt::Display for Rivalry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, servers: [one, other], from_us, until_us } = self;
        let length_ms = until_us.saturating_sub(*from_us) as f64 / 1e3;
        write!(f, "two primaries of {cluster}: {one} and {other} took writes for {length_ms:.0} ms")
    }
}

/// Every pair of reigns that share a moment, in the order in which they began to.
pub fn rivalries(reigns: &[Reign]) -> Vec<Rivalry> {
    let mut sorted: Vec<&Reign> = reigns.iter().collect();
    sorted.sort_by_key(|reign| (reign.from_us, reign.until_us));
    let mut found = Vec::new();
    let mut open: Vec<&Reign> = Vec::new();
    for reign in sorted {
        open.retain(|earlier| earlier.until_us >= reign.from_us);
        let is_rival =
            |earlier: &&&Reign| earlier.cluster == reign.cluster && earlier.server != reign.server;
        found.extend(open.iter().filter(is_rival).map(|earlier| Rivalry {
            cluster: reign.cluster.clone(),
            servers: [earlier.server.clone(), reign.server.clone()],
            from_us: reign.from_us,
            until_us: reign.until_us.min(earlier.until_us),
        }));
        open.push(reign);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reigns: &[(&str, &str, u64, u64)], expected: &[&str]) {
        let reign = |&(cluster, server, from_us, until_us): &(&str, &str, u64, u64)| Reign {
            cluster: cluster.to_owned(),
            server: server.to_owned(),
            from_us,
            until_us,
        };
        let reigns: Vec<Reign> = reigns.iter().map(reign).collect();
        let found: Vec<String> = rivalries(&reigns).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{reigns:?}");
    }

    #[test]
    fn one_after_the_other_is_right() {
        check(
            &[("x", "a", 0, 10_000), ("x", "b", 10_001, 20_000), ("x", "a", 30_000, 40_000)],
            &[],
        );
        check(&[("x", "a", 0, 10_000), ("x", "a", 5_000, 20_000)], &[]);
    }

    #[test]
    fn clusters_do_not_mind_each_other() {
        check(&[("x", "a", 0, 10_000), ("y", "b", 5_000, 20_000)], &[]);
    }

    #[test]
    fn a_shared_moment_makes_two_primaries() {
        let both = "two primaries of x: a and b took writes for 5 ms";
        check(&[("x", "b", 5_000, 20_000), ("x", "a", 0, 10_000)], &[both]);
        let within = "two primaries of x: a and b took writes for 2 ms";
        check(&[("x", "a", 0, 100_000), ("x", "b", 5_000, 7_000)], &[within]);
        check(
            &[("x", "a", 0, 100_000), ("x", "b", 5_000, 7_000), ("x", "b", 95_000, 200_000)],
            &[within, both],
        );
        let instant = "two primaries of x: a and b took writes for 0 ms";
        check(&[("x", "a", 0, 7_000), ("x", "b", 7_000, 7_000)], &[instant]);
    }
}
