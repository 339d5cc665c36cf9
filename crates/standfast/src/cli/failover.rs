//! The command line of `standfast failover`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{InstanceArguments, duration};

const AFTER_HELP: &str = "\
A watchdog is found in the instance that is up (--instance), by the file that it was started with
(--config), or by its socket (--socket).

Exit codes: 0 done, 1 refused by the watchdog, 2 usage or a bad file, 3 no watchdog or no instance,
4 not known in time: the watchdog goes on by itself.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FailoverArguments {
    #[command(subcommand)]
    pub(crate) action: FailoverAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FailoverAction {
    /// Who is primary, who may follow it without loss, what happened, and what to do about it
    Status {
        /// Which cluster (default: all of the instance)
        cluster: Option<String>,
        /// Print JSON instead of tables
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        watchdog: WatchdogArguments,
    },
    /// Make a replica primary while all are well: clients wait, nothing is lost
    Switchover {
        /// Which cluster, when the instance has several
        cluster: Option<String>,
        /// The next primary (default: one that holds everything)
        #[arg(long, value_name = "NODE")]
        to: Option<String>,
        /// How long to wait for the outcome
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
        within: Duration,
        #[command(flatten)]
        watchdog: WatchdogArguments,
    },
    /// Bring a node that was fenced back as a replica, now
    Reintegrate {
        /// The cluster
        cluster: String,
        /// The node
        node: String,
        /// How long to wait until it is in sync
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
        within: Duration,
        #[command(flatten)]
        watchdog: WatchdogArguments,
    },
    /// Make a replica primary that may lack acknowledged writes: they are lost then
    Promote {
        /// The cluster
        cluster: String,
        /// The next primary
        node: String,
        /// Says that the loss is known and accepted
        #[arg(long, required = true)]
        allow_data_loss: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// How long to wait for the outcome
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
        within: Duration,
        #[command(flatten)]
        watchdog: WatchdogArguments,
    },
    /// Every command of recovery, with the names, ports and folders of this cluster as it is now
    Playbook {
        /// Which cluster (default: all of the instance)
        cluster: Option<String>,
        #[command(flatten)]
        watchdog: WatchdogArguments,
    },
    /// Watch a cluster that standfast did not start, until told to stop; prints events as JSON
    Watch {
        /// The cluster: its nodes, its HAProxy, and the program that starts and kills servers
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Where a watchdog is found.
#[derive(Clone, Debug, Args)]
pub(crate) struct WatchdogArguments {
    #[command(flatten)]
    pub(crate) instance: InstanceArguments,
    /// The file that the watchdog was started with by `failover watch`
    #[arg(long, value_name = "FILE", conflicts_with = "instance")]
    pub(crate) config: Option<PathBuf>,
    /// The socket of a watchdog
    #[arg(long, value_name = "PATH", conflicts_with_all = ["instance", "config"])]
    pub(crate) socket: Option<PathBuf>,
}
