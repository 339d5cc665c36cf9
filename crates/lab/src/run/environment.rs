//! `environment.json`: on what a run was made, without which its figures mean nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine, the versions and the command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    pub standfast: String,
    /// Whether standfast was built with optimisation: figures of a debug build are no figures.
    pub optimised: bool,
    pub operating_system: String,
    pub kernel: String,
    pub processor: String,
    pub cores: usize,
    pub memory_mb: u64,
    /// Load average of the last minute when the run began: what else the machine was doing.
    pub load_average: f64,
    pub command: String,
    pub seed: u64,
    pub engines: Vec<EngineVersion>,
}

/// One engine that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineVersion {
    pub name: String,
    pub kind: String,
    pub version: String,
    pub path: String,
}

impl Environment {
    /// Looks at this machine. What cannot be read stays empty: a run must not fail for it.
    pub fn look(command: String, seed: u64, engines: Vec<EngineVersion>) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, key: &str, separator: char| {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            let value = line.split_once(separator).map_or("", |(_, value)| value);
            value.trim().trim_matches('"').to_owned()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal", ':');
        let memory_kb: u64 =
            memory.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or_default();
        let load = read("/proc/loadavg");
        Self {
            standfast: env!("CARGO_PKG_VERSION").to_owned(),
            optimised: !cfg!(debug_assertions),
            operating_system: field(&read("/etc/os-release"), "PRETTY_NAME", '='),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: field(&read("/proc/cpuinfo"), "model name", ':'),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mb: memory_kb / 1024,
            load_average: load.split(' ').next().and_then(|l| l.parse().ok()).unwrap_or_default(),
            command,
            seed,
            engines,
        }
    }
}
