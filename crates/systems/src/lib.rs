//! The reference systems: services, topology and experiments, one folder for each system.
//!
//! A system never sees the lab. What the lab needs to know about it is in [`CATALOGUE`], as the
//! same files that a user would write for a system of their own; its services run by [`serve`].

mod catalogue;
mod serve;
mod service;

#[path = "../cache-fallback/src/mod.rs"]
mod cache_fallback;
#[path = "../order-saga/src/mod.rs"]
mod order_saga;
#[path = "../sharded-shop/src/mod.rs"]
mod sharded_shop;
#[path = "../travelhub/src/mod.rs"]
mod travelhub;
#[path = "../voted-inventory/src/mod.rs"]
mod voted_inventory;

pub use catalogue::{CATALOGUE, SystemFiles};
pub use serve::{ServeError, ServeOptions, serve};
