//! What is measured: a cluster with whoever fails it over.

mod ours;
mod patroni;
mod processes;
mod running;
mod shop;
mod source;

use std::collections::BTreeMap;

use anyhow::Result;

use crate::record::Blow;
use crate::target::Target;

pub(crate) use ours::Ours;
pub(crate) use patroni::{Patroni, Programs, Variant};
pub(crate) use shop::Shop;

/// A cluster at which nothing is under way, and whose replica is sure to have everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) primary: usize,
    pub(crate) epoch: u64,
}

/// A blow that was dealt.
#[derive(Debug)]
pub(crate) struct Dealt<Held> {
    /// When it began.
    pub(crate) at_us: u64,
    /// What ends with it: a freeze.
    pub(crate) held: Option<Held>,
}

/// A cluster that can be hit. All times are of one clock.
pub(crate) trait Stand {
    type Held;

    fn target(&self) -> &Target;

    /// Waits until the cluster survives the loss of its primary.
    async fn at_rest(&self) -> Result<Rest>;

    async fn deal(&self, blow: Blow, primary: usize) -> Result<Dealt<Self::Held>>;

    /// Waits until clients get to a primary again; answers since when they do.
    async fn switched(&self, since_us: u64) -> Result<u64>;

    /// Ends a freeze.
    async fn thaw(&self, held: Self::Held) -> Result<()>;

    /// When `node` was back, as a replica that is sure to have everything. Asked at rest.
    async fn back(&self, node: usize, since_us: u64) -> Result<Option<u64>>;

    /// What it told of what it did since then, and when.
    fn steps(&self, since_us: u64) -> BTreeMap<String, u64>;

    /// What it told of that, in its words.
    fn told(&self, since_us: u64) -> Vec<String>;
}
