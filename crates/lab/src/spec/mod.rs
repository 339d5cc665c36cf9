//! The two public file formats, read once into types that make sense.
//!
//! Everything is checked before any process starts: unknown names, cycles, impossible ranges,
//! faults that cannot be done. All mistakes of a file are reported at once, each with its line.

mod document;
mod experiment;
mod placeholder;
mod problem;
mod quantity;
mod schema;
mod source;
mod suggestion;
mod system;
mod units;

pub use document::{line_at, suggestion_in};
pub use experiment::{
    Accounts, Aggregate, Answers, Arrivals, Artifact, ArtifactContent, Claim, Consistency,
    ConsistencyModel, EventPattern, Experiment, ExperimentFile, ExperimentSource, FieldValue,
    Given, Limit, Load, Measure, Operand, Page, Percentile, Phase, Reading, Statuses, Suite,
    TimedFault, Trigger, Until,
};
pub use placeholder::{UnknownPlaceholder, fill};
pub use problem::{Problem, SpecError};
pub use quantity::{Quantity, Unit};
pub use schema::{experiment_schema, system_schema};
pub use source::{SYSTEM_FILE, SourceError, SystemSource};
pub use system::{
    Brokers, BrokersError, Edge, EdgeError, EngineDeclaration, EngineKind, FileCopy, Manager,
    ManagerError, Ready, ReadyCheck, RequiredTool, Restart, ServiceDeclaration, ServiceOverride,
    StopSignal, System, SystemFile, TacticDeclaration,
};
pub use units::{DataRate, Length, Moment, Rate, UnitError};

pub use suggestion::nearest;
pub(crate) use system::{NAME_LENGTH_MAX, STORE, agent_of, is_name};
