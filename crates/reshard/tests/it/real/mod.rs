//! Moves between real PostgreSQL servers, beside writers that note what was acknowledged.

mod absence;
mod first_map;
mod growth;
mod guard;
mod halfway;
mod kills;
mod stand;
mod turning_back;
mod writers;
