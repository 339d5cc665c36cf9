//! The gateway as its users see it, before services that fail in every way that services have.

mod admin;
mod client;
mod faults;
mod origin;
mod pages;
mod shedding;
mod smuggling;
mod stand;
mod streaming;
