//! Where a key lies: the map of slots, the primaries of the shards, and work that finds its way.
//!
//! A map that is out of date costs an error, never a row: each shard refuses what it does not own
//! (`RS001`), and then the map is read again. So it may be kept here, and be old.

mod coverage;
mod desk;
mod hot_keys;
mod map;
mod path;
mod query;
mod router;
mod settings;
mod work;

pub(super) use coverage::{Missing, Slots};
pub(super) use desk::{Desk, checked_sku, parse};
pub(super) use hot_keys::HotKeys;
pub(super) use map::RoutingMap;
pub(super) use path::InPath;
pub(super) use query::Query;
pub(super) use router::Router;
pub(super) use settings::{RoutingSettings, ShardAddress};
pub(super) use work::{Failed, ShardWork, fingerprint};
