//! The command line of `standfast shard`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::duration;

const AFTER_HELP: &str = "\
Slots of PostgreSQL shards change hands while clients write: see docs/guide/sharding.md.

Exit codes: 0 done, 1 the move was aborted, rolled back or stands still, 2 usage or a bad file,
3 a server is missing, 4 another coordinator is at work.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ShardArguments {
    #[command(subcommand)]
    pub(crate) action: ShardAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShardAction {
    /// Make the servers shards and the catalog a catalog (may be repeated)
    Init {
        /// The shards that share the slots of a new map (default: all of the file)
        #[arg(long, value_name = "SHARD", value_delimiter = ',')]
        owners: Vec<String>,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Who owns which slots, and which moves are under way
    Status {
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Show which slots would move, and move none
    Plan {
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Move slots to a shard
    Move {
        /// Which, for instance 0-63,128
        slots: standfast_reshard::core::SlotSet,
        /// The shard that is to own them
        target: String,
        #[command(flatten)]
        run: MoveArguments,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Give a shard that owns nothing its share
    Add {
        shard: String,
        #[command(flatten)]
        run: MoveArguments,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Give all slots of a shard to the others
    Remove {
        shard: String,
        #[command(flatten)]
        run: MoveArguments,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Go on with the moves whose coordinator is gone
    Resume {
        #[command(flatten)]
        run: MoveArguments,
        #[command(flatten)]
        fleet: FleetArguments,
    },
    /// Leave the slots of a move where they are; too late once they have changed hands
    Abort(TurnArguments),
    /// Bring the slots of a move back, with what was written meanwhile
    Rollback(TurnArguments),
    /// Drop the old copy of a move now, also when a comparison found a difference
    Finish(TurnArguments),
    /// Take away slots, publications and subscriptions of moves that are over
    Sweep {
        #[command(flatten)]
        fleet: FleetArguments,
    },
}

/// Where the shards are, and how results are printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct FleetArguments {
    /// The catalog, the shards and the sharded tables
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ChangeArguments {
    /// The shard that is to come
    #[arg(long, value_name = "SHARD")]
    pub(crate) add: Option<String>,
    /// The shard that is to go
    #[arg(long, value_name = "SHARD")]
    pub(crate) remove: Option<String>,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MoveArguments {
    /// How long the old owner follows after each move, so that it can be rolled back
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    pub(crate) keep: Duration,
    /// How progress is told on standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) progress: ProgressForm,
}

/// For whom progress is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    /// For people: phases, and what went wrong
    #[default]
    Text,
    /// For programs: one line of JSON for each phase and each action that has ended
    Json,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TurnArguments {
    /// The number of the move (default: the only one that is under way)
    pub(crate) id: Option<u64>,
    #[command(flatten)]
    pub(crate) fleet: FleetArguments,
}
