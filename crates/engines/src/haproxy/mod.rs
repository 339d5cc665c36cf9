//! HAProxy: one stable address for whoever is the primary now.
//!
//! It checks nothing and decides nothing: every server is in maintenance until somebody sets one
//! ready over the socket, and again after a restart, which forgets what it was told.

mod configuration;
mod server;

pub(crate) use configuration::{create, is_data_folder, prepare, socket};
pub(crate) use server::{answer, command, stop};
