//! The command line: a public contract, since scripts depend on it.

mod check;
mod failover;
mod fault;
mod shard;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use standfast_lab::spec::{Brokers, Manager};

pub(crate) use check::{CheckArguments, ModelArgument};
pub(crate) use failover::{FailoverAction, FailoverArguments, WatchdogArguments};
pub(crate) use fault::{
    DirectionArgument, FaultAction, FaultArguments, FaultInstance, FaultTarget,
};
pub(crate) use shard::{
    FleetArguments, MoveArguments, ProgressForm, ShardAction, ShardArguments, TurnArguments,
};

const AFTER_HELP: &str = "\
Exit codes:
  0    every claim holds
  1    a claim is refuted
  2    usage, or a file that says something impossible
  3    an engine or port is missing, or the system did not come up
  4    unknown: the run proves nothing (the reason is printed)
  5    the system was not restored after healing
  70   a bug in standfast
  130  interrupted, and cleaned up

Start with `standfast run`: it brings what is missing and proves the shipped systems.";

/// An availability lab: brings up distributed systems on real engines, loads them, breaks them on
/// purpose, checks what the clients saw, and gives a verdict.
#[derive(Debug, Parser)]
#[command(name = "standfast", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// Say more on standard error (twice: everything).
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is here: engines, versions, where they were found; how to get what is missing
    Doctor(DoctorArguments),
    /// Bring missing engines with the machine's own package clients
    Setup(SetupArguments),
    /// Systems, experiments, tactics and faults that are known
    List(ListArguments),
    /// Bring a system up and keep it up (data survives `stop` and `down`)
    Up(UpArguments),
    /// The processes of the systems that are up
    Ps(PsArguments),
    /// What the processes printed
    Logs(LogsArguments),
    /// Stop a process, or the whole system; data is kept
    Stop(LifecycleArguments),
    /// Start what was stopped
    Start(LifecycleArguments),
    /// Restart a process, or the whole system
    Restart(LifecycleArguments),
    /// Stop the system and forget it; data is kept unless --data is given
    Down(DownArguments),
    /// Run one service of a shipped system (what `up` starts)
    Serve(ServeArguments),
    /// Break something in a system that is up, or heal it
    Fault(FaultArguments),
    /// Serve a fault proxy with Toxiproxy's HTTP interface, until it is told to stop
    Proxy(ProxyArguments),
    /// Ask and command the watchdogs of database clusters, or be one
    Failover(FailoverArguments),
    /// Move slots between PostgreSQL shards while clients write
    Shard(ShardArguments),
    /// Send open-loop load to a scenario of a system that is up, or to a plain URL
    Load(LoadArguments),
    /// Run experiments and give verdicts; without arguments, the showcase
    Run(RunArguments),
    /// Judge a stored history: can a register, a ledger, a cart … explain what clients saw?
    Check(CheckArguments),
    /// Write report.html again from the evidence of a run
    Report(ReportArguments),
    /// Put two runs side by side
    Compare(CompareArguments),
    /// Print the JSON Schema of a file format
    Schema(SchemaArguments),
    /// Watch over the children of the process that started it
    #[command(hide = true)]
    Guard,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    /// What to bring, as `standfast doctor` names it (default: what the shipped systems need)
    pub(crate) tools: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Also what the project's own tests need
    #[arg(long)]
    pub(crate) tests: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Print JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// A shipped system, or a folder that holds a system.toml
    pub(crate) system: String,
    /// Return when everything is ready, and keep it up in the background
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Switch a tactic off (may be repeated)
    #[arg(long, value_name = "TACTIC")]
    pub(crate) without: Vec<String>,
    /// Use ports N, N+1, … instead of the declared ones
    #[arg(long, value_name = "N")]
    pub(crate) port_base: Option<u16>,
    /// Use an engine that already runs elsewhere, of Kafka NAME=HOST:PORT,… (may be repeated)
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) engine: Vec<String>,
    /// Run the system's log on a cluster of N brokers: 1, or 3 to 9
    #[arg(long, value_name = "N")]
    pub(crate) brokers: Option<Brokers>,
    /// Who decides which PostgreSQL is primary: the system's own watchdog, or patroni (with etcd)
    #[arg(long, value_name = "MANAGER", default_value = "watchdog")]
    pub(crate) manager: Manager,
    /// Bring up only these engines and services (NAME,NAME,…), with all that they need
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Connect processes directly: no network faults then, and no hop through the fault proxy
    #[arg(long)]
    pub(crate) direct: bool,
    /// Give every process a host of its own, so that it can be isolated (needs root; links are
    /// direct)
    #[arg(long, conflicts_with = "engine")]
    pub(crate) hosts: bool,
    /// The name of this instance (default: the system's, with the port base when one is given)
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Install missing engines without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Use the ports that the instance had before (what `start` means)
    #[arg(long, hide = true, conflicts_with = "port_base")]
    pub(crate) ports_again: bool,
    /// Supervise in the background (what --detach starts)
    #[arg(long, hide = true)]
    pub(crate) supervise: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct InstanceArguments {
    /// Which instance, when more than one is there
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PsArguments {
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// A process (default: all of them)
    pub(crate) name: Option<String>,
    /// Go on printing as more is written
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 50)]
    pub(crate) tail: usize,
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleArguments {
    /// A process (default: the whole system)
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DownArguments {
    /// Delete the data as well
    #[arg(long)]
    pub(crate) data: bool,
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// SYSTEM/SERVICE, such as cache-fallback/offers
    pub(crate) service: String,
    /// Address to listen on
    #[arg(long, env = "BIND", default_value_t = Ipv4Addr::LOCALHOST)]
    pub(crate) bind: Ipv4Addr,
    /// Port to listen on
    #[arg(long, env = "PORT")]
    pub(crate) port: u16,
    /// Name of this instance
    #[arg(long, env = "INSTANCE_ID", default_value = "1")]
    pub(crate) instance: String,
    /// Divide the intervals of heartbeats and detectors by this, from 1 to 1000
    #[arg(long, value_name = "N", env = "CLOCK_SCALE")]
    pub(crate) clock_scale: Option<f64>,
}

const AFTER_PROXY_HELP: &str = r#"Clients of Toxiproxy 2.12 work unchanged; what only this proxy can
do is below /standfast/v1/.
The configuration is Toxiproxy's: [{"name": "db", "listen": "127.0.0.1:15432",
"upstream": "127.0.0.1:5432", "toxics": [{"type": "latency", "attributes": {"latency": 100}}]}]

It ends with 0 when it is told to stop, 2 when the configuration is wrong, 3 when a port is busy."#;

#[derive(Debug, Args)]
#[command(after_help = AFTER_PROXY_HELP)]
pub(crate) struct ProxyArguments {
    /// Where the HTTP interface listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8474")]
    pub(crate) listen: String,
    /// Proxies to start with: a JSON file as Toxiproxy's, in which toxics may stand as well
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of everything that toxics leave to chance
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// SYSTEM/SCENARIO of a system that is up, or http://127.0.0.1:PORT/PATH
    pub(crate) target: String,
    /// Requests per second that are intended
    #[arg(long, value_name = "N")]
    pub(crate) rps: f64,
    /// For how long, such as 30s or 5m; a number alone is seconds
    #[arg(long, value_parser = load_duration)]
    pub(crate) duration: Duration,
    /// How the sends are spread
    #[arg(long, value_enum, default_value = "constant")]
    pub(crate) arrivals: ArrivalsArgument,
    /// The client's deadline, from the intended send time
    #[arg(long, value_parser = duration, default_value = "5s")]
    pub(crate) timeout: Duration,
    /// At most this many connections
    #[arg(long, default_value_t = 256)]
    pub(crate) connections: usize,
    /// Seed of arrivals and request variables
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Also print what the service's /metrics changed by
    #[arg(long)]
    pub(crate) metrics: bool,
    /// Write every attempt to this file (.jsonl or .jsonl.zst)
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ArrivalsArgument {
    Constant,
    Poisson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArmArgument {
    Treatment,
    Control,
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// SYSTEM, SYSTEM/EXPERIMENT, a file experiment.toml, or `all` (default: the showcase)
    pub(crate) experiment: Option<String>,
    /// One trial of each; of several experiments, none that is for the full suite only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Trials per arm, instead of what the experiment says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,
    /// Seed of arrivals and request variables
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Which arms to run
    #[arg(long, value_enum, default_value = "both")]
    pub(crate) arm: ArmArgument,
    /// Run with this tactic switched off, and without a control arm (may be repeated)
    #[arg(long, value_name = "TACTIC")]
    pub(crate) without: Vec<String>,
    /// Print the result as JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Where the folders of runs go
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Run the log on a cluster of N brokers, whatever the experiment says: 1, or 3 to 9
    #[arg(long, value_name = "N")]
    pub(crate) brokers: Option<Brokers>,
    /// Who decides which PostgreSQL is primary: the system's own watchdog, or patroni (with etcd;
    /// there is no control arm then, since tactics are the watchdog's)
    #[arg(long, value_name = "MANAGER", default_value = "watchdog")]
    pub(crate) manager: Manager,
    /// Keep data folders of the systems that were brought up
    #[arg(long)]
    pub(crate) keep: bool,
    /// Install missing engines without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The folder of a run
    pub(crate) run: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The folder of the earlier run
    pub(crate) before: PathBuf,
    /// The folder of the later run
    pub(crate) after: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaName {
    System,
    Experiment,
    Result,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArguments {
    /// Which format
    #[arg(value_enum)]
    pub(crate) name: SchemaName,
}

/// Reads `250ms`, `10s`, `5m`, with or without a blank before the unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` has no number"))?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        "" => return Err(format!("`{text}` has no unit: write `{text}s` or `{text}ms`")),
        unit => return Err(format!("unit `{unit}` is none of ms, s, m, h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{text}`: {error}"))
}

/// The same for a load, whose length other load generators take in seconds.
fn load_duration(text: &str) -> Result<Duration, String> {
    let length = match text.trim().parse::<u32>() {
        Ok(seconds) => Duration::from_secs(seconds.into()),
        Err(_) => duration(text)?,
    };
    if length.is_zero() {
        return Err("a load of no time at all sends nothing".to_owned());
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_load_takes_seconds_and_some_time() {
        assert_eq!(load_duration("300"), Ok(Duration::from_secs(300)));
        assert_eq!(load_duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0", "0s", "-1", "1.5", "soon"] {
            assert!(load_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("250 ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "10", "s", "10 parsecs", "1.2.3s", "-5s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
