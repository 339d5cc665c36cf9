//! What the lab relies on: the catalogue is whole, and services are found by name.

mod catalogue;
mod names;
