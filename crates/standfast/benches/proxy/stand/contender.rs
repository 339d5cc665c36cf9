//! Who takes part.

/// What stands between client and origin. The order is that of the turns and of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// The client talks to the origin itself.
    None,
    Standfast,
    Toxiproxy,
    Haproxy,
    Nginx,
}

impl Contender {
    pub(crate) const ALL: [Self; 5] =
        [Self::None, Self::Standfast, Self::Toxiproxy, Self::Haproxy, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Standfast => "standfast",
            Self::Toxiproxy => "toxiproxy",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }
}
