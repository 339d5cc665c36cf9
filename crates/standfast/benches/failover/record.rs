//! A trial as it is kept: a JSON line, so that a series that was cut is gone on with.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What is done to a primary, and by whom it is used meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Blow {
    /// `kill -9` of all its processes.
    Kill,
    /// The same, and whoever watches over them on their machine: a rival's agent.
    Node,
    /// SIGSTOP of all its processes, and SIGCONT once another one is primary.
    Freeze,
    /// By order, while each request has a connection of its own.
    SwitchoverFresh,
    /// By order, while connections are kept.
    SwitchoverKept,
}

impl Blow {
    pub(crate) const OF_OURS: [Self; 4] =
        [Self::Kill, Self::Freeze, Self::SwitchoverFresh, Self::SwitchoverKept];
    pub(crate) const OF_RIVALS: [Self; 3] = [Self::Kill, Self::Node, Self::Freeze];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Node => "kill -9 with its agent",
            Self::Freeze => "freeze",
            Self::SwitchoverFresh => "switchover, a connection each",
            Self::SwitchoverKept => "switchover, kept connections",
        }
    }
}

/// What one trial showed. Times are milliseconds since the blow, where they do not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// Who failed over: `postgres`, or a rival with its settings.
    pub(crate) stand: String,
    pub(crate) blow: Option<Blow>,
    pub(crate) number: u32,
    /// When it was, since this program began.
    #[serde(default)]
    pub(crate) dealt_ms: f64,
    /// Nobody was acknowledged anything for so long.
    pub(crate) outage_ms: Option<f64>,
    /// The same for the client that waited longest.
    pub(crate) client_outage_ms: Option<f64>,
    /// When the other server got clients, as its watchdog says.
    pub(crate) switched_ms: Option<f64>,
    /// What the watchdog told before, in its words.
    pub(crate) steps_ms: BTreeMap<String, f64>,
    /// What it found, did and refused, in its words.
    #[serde(default)]
    pub(crate) told: Vec<String>,
    /// When the old primary was a replica that is sure to have everything.
    pub(crate) back_ms: Option<f64>,
    /// The longest time without an acknowledgement from then on, until all was at rest.
    pub(crate) later_gap_ms: Option<f64>,
    pub(crate) lost: usize,
    /// Acknowledged, and not on the old primary after its return.
    pub(crate) lost_on_old: usize,
    pub(crate) doubled: usize,
    /// Writes that a server took while the other took writes as well.
    pub(crate) taken_by_both: usize,
    /// Which server that was, and when it had taken them.
    #[serde(default)]
    pub(crate) taken_by_both_at: Vec<(String, f64)>,
    /// Writes that were tried on the servers themselves and taken.
    pub(crate) probes_taken: usize,
    pub(crate) epoch: u64,
    /// Requests that failed, by their reasons.
    pub(crate) failed: BTreeMap<String, u32>,
    pub(crate) acknowledged: usize,
    /// The longest time that this program itself was kept from running.
    pub(crate) stalled_ms: f64,
    pub(crate) load_average: Option<f64>,
    /// Why it has no end.
    pub(crate) problem: Option<String>,
}

impl Trial {
    pub(crate) fn failures(&self) -> u32 {
        self.failed.values().sum()
    }
}

/// All trials, on disk where that was asked for.
#[derive(Debug)]
pub(crate) struct Trials {
    path: Option<PathBuf>,
    pub(crate) all: Vec<Trial>,
}

impl Trials {
    /// With those of earlier runs.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let mut all = Vec::new();
        if let Some(path) = path.filter(|path| path.exists()) {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            for (index, line) in text.lines().enumerate() {
                let place = || format!("{}:{}", path.display(), index + 1);
                all.push(serde_json::from_str(line).with_context(place)?);
            }
        }
        Ok(Self { path: path.map(Path::to_owned), all })
    }

    /// How many of a kind there are, those that were cut left out.
    pub(crate) fn count(&self, stand: &str, blow: Blow) -> u32 {
        let is_it = |trial: &&Trial| {
            let is_cut = trial.problem.is_some() && trial.outage_ms.is_none();
            trial.stand == stand && trial.blow == Some(blow) && !is_cut
        };
        u32::try_from(self.all.iter().filter(is_it).count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn add(&mut self, trial: Trial) -> Result<()> {
        if let Some(path) = &self.path {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| path.display().to_string())?;
            file.write_all(format!("{}\n", serde_json::to_string(&trial)?).as_bytes())?;
        }
        self.all.push(trial);
        Ok(())
    }
}
