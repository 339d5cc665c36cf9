//! The shards that share the data: who they are, and how much each takes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A shard's number. It is the shard's identity for as long as it lives, no index: where a key
/// lies depends on it. The application knows which server it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct ShardId(pub u16);

impl fmt::Display for ShardId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "shard {}", self.0)
    }
}

/// A shard, and how much of the data it takes beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Who.
    pub shard: ShardId,
    /// A shard of weight 2 takes twice as much as one of weight 1. One of weight 0 takes nothing:
    /// it is being emptied. A whole number, since sums of floats depend on their order.
    pub weight: u16,
}

impl From<ShardId> for Member {
    fn from(shard: ShardId) -> Self {
        Self { shard, weight: 1 }
    }
}

impl From<u16> for Member {
    fn from(shard: u16) -> Self {
        ShardId(shard).into()
    }
}

/// Shards of which no two are the same, in the order of their numbers: whoever lists them in
/// another order means the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Member>", into = "Vec<Member>")]
pub struct Shards {
    members: Vec<Member>,
    ids: Vec<ShardId>,
}

/// Why a list is no set of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardsError {
    /// One number stands there twice.
    #[error("{0} is listed twice")]
    Twice(ShardId),
    /// Nobody takes anything.
    #[error("no shard of a weight above 0 is listed")]
    NoneTakes,
}

impl Shards {
    /// The set of these shards.
    ///
    /// # Errors
    /// When one is listed twice, or none has a weight above 0.
    pub fn try_new<M: Into<Member>>(
        members: impl IntoIterator<Item = M>,
    ) -> Result<Self, ShardsError> {
        let mut members: Vec<Member> = members.into_iter().map(Into::into).collect();
        members.sort_by_key(|member| member.shard);
        if let Some(pair) = members.windows(2).find(|pair| pair[0].shard == pair[1].shard) {
            return Err(ShardsError::Twice(pair[0].shard));
        }
        if members.iter().all(|member| member.weight == 0) {
            return Err(ShardsError::NoneTakes);
        }
        let ids = members.iter().map(|member| member.shard).collect();
        Ok(Self { members, ids })
    }

    /// All of them, by number.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Their numbers, ascending.
    pub fn ids(&self) -> &[ShardId] {
        &self.ids
    }

    /// Those that take something.
    pub fn taking(&self) -> impl Iterator<Item = Member> {
        self.members.iter().copied().filter(|member| member.weight > 0)
    }

    /// Where a shard stands in [`Shards::members`].
    pub fn position(&self, shard: ShardId) -> Option<usize> {
        self.ids.binary_search(&shard).ok()
    }
}

impl TryFrom<Vec<Member>> for Shards {
    type Error = ShardsError;

    fn try_from(members: Vec<Member>) -> Result<Self, ShardsError> {
        Self::try_new(members)
    }
}

impl From<Shards> for Vec<Member> {
    fn from(shards: Shards) -> Self {
        shards.members
    }
}
