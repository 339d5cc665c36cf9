//! The evidence set of a trial: files to read by oneself, for whoever does not take a verdict on
//! trust.
//!
//! A trial that breaks something and keeps accounts leaves three pairs of files, for people and for
//! programs: `failover` is what happened, in the order in which it did; `orders` are the attempts
//! around each injection; `integrity` is what orders, stock and reports add up to at the end. They
//! are made of the record that the claims are judged by, and of nothing else.

mod integrity;
mod orders;
mod story;

use std::path::Path;

use serde::Serialize;

use crate::claim::TrialRecord;
use crate::run::Place;
use crate::spec::{Accounts, Experiment, Measure};

pub use integrity::{Integrity, ProductBalance};
pub use orders::{Attempt, OrdersAround};
pub use story::{FaultStory, Happening, Step, Story};

/// The folder of a trial's set, in the folder `evidence` of its run.
pub fn folder_name(place: Place) -> String {
    format!("{}-{}", place.arm.name(), place.trial)
}

/// What one trial shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    pub failover: Story,
    pub orders: OrdersAround,
    /// Why there is none: a reading that is not whole adds up to nothing.
    pub integrity: Result<Integrity, String>,
}

impl Evidence {
    /// `None` when nothing is broken, or no accounts are kept.
    pub fn of(experiment: &Experiment, record: &TrialRecord) -> Option<Self> {
        let accounts = accounts(experiment)?;
        if record.faults.is_empty() {
            return None;
        }
        Some(Self {
            failover: Story::of(record),
            orders: OrdersAround::of(record, &accounts.creates),
            integrity: Integrity::of(record, accounts).map_err(|unknown| unknown.reason),
        })
    }

    /// Writes the set into `folder`, which is made. `title` says whose it is.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path, title: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let integrity = match &self.integrity {
            Ok(integrity) => (integrity.to_string(), json(integrity)),
            Err(reason) => (format!("not known: {reason}\n"), json(&Unknown { unknown: reason })),
        };
        for (name, (text, json)) in [
            ("failover", (self.failover.to_string(), json(&self.failover))),
            ("orders", (self.orders.to_string(), json(&self.orders))),
            ("integrity", integrity),
        ] {
            std::fs::write(folder.join(format!("{name}.txt")), format!("{title}\n\n{text}"))?;
            std::fs::write(folder.join(format!("{name}.json")), json)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Unknown<'a> {
    unknown: &'a str,
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("our own types have string keys");
    format!("{text}\n")
}

/// Those of the first ledger that is claimed.
fn accounts(experiment: &Experiment) -> Option<&Accounts> {
    experiment.claims.iter().find_map(|claim| {
        let Measure::Ledger(accounts) = &claim.measure else { return None };
        Some(&**accounts)
    })
}

/// Milliseconds from one time of the trial's clock to another; negative when it came before.
fn between_ms(from_us: u64, to_us: u64) -> f64 {
    (to_us as f64 - from_us as f64) / 1e3
}
