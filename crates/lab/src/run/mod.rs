//! Runs experiments, and keeps what they found in a folder of their own.

mod environment;
mod stored;

pub use environment::{EngineVersion, Environment};
pub use stored::{RunFolder, StoredRun, StoredRunError, Tagged, read_result};
