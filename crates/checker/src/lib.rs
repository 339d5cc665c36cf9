//! What a history proves: availability, latency, sources, staleness, wrong answers, orders and
//! stock, detection and recovery, and whether a sequential model explains it all.
//!
//! Everything here is a pure function of recorded operations and events: no clock, no I/O, no
//! randomness, so that a stored history judged again gives the same figures. A function that finds
//! nothing to judge answers `None`, never a figure that could pass.
//!
//! Times are microseconds since the start of the run. An operation belongs to a phase by its
//! *intended* send time, or a stalled system would push its own failures into a later phase.

mod agreement;
mod availability;
mod consistency;
mod crowding;
mod detection;
mod interval;
mod latency;
mod ledger;
mod outage;
mod proportion;
mod recovery;
mod reign;
mod share;
mod staleness;
mod stall;
mod trials;
mod window;

pub use agreement::{Agreement, Truth, Witness, WrongAnswer, judge_agreement};
pub use availability::Availability;
pub use consistency::{
    AppendOptions, CartReading, Finding, Judgement, Lack, Limits, Model, RegisterOptions, Search,
    Seen, Timed, Verdict, judge_append, judge_cart, judge_keys, judge_register, judge_stock,
    search,
};
pub use crowding::{Crowding, FOREIGN_SHARE_MIN, LATE_US_MIN, SLOW_FAILURE_US_MIN, WAITS_MAX};
pub use detection::{InjectedFault, time_to_detect};
pub use interval::{Interval, quantile_interval};
pub use latency::{Answers, Latencies};
pub use ledger::{
    Cancel, Create, Keeper, Ledger, LedgerJudgement, LedgerViolation, Standing, StoredOrder,
    StoredReport, Wanted,
};
pub use outage::longest_gap;
pub use proportion::Proportion;
pub use recovery::{Recovery, SteadyState, time_to_recover};
pub use reign::{Reign, Rivalry, rivalries};
pub use share::{share_of_source, share_of_status};
pub use staleness::{
    Staleness, StalenessBounds, StalenessViolation, StalenessViolationKind, judge_staleness,
};
pub use stall::{STALL_MARGIN_US, Stalls};
pub use trials::Summary;
pub use window::{Window, Windows};
