//! Arguments of `standfast check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ArmArgument;

const AFTER_HELP: &str = r#"What each model needs of an operation (`observe` in a scenario):
  register  value, or version                   one thing that is read and written
  kv        key, and value or version           many of them
  append    key and value: what is appended, or the list that is read; or a transaction as value,
            [["append","x",1],["r","y",[1,2]]]
  stock     key (product) and value: units that are taken, or shown; id alone: a cancellation
  ledger    id, key (product), value (units); orders and stock of [[final]] readings
  cart      key (cart) and value: +ITEM, -ITEM, or the list of items; [[final]] readings of each
            node with `cart` and `item`

Whatever writes to what is judged has to be in the history. A write without an answer, or with a
status of 500 or more, happened at some later time or never; another refusal means that it did not
happen.

It ends with 0 when the model explains the history, 1 when it does not (the fewest operations that
show it are printed), 2 when the history does not say what the model needs, and 4 when nothing was
judged, or the search was given up."#;

/// What the history is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelArgument {
    Register,
    Kv,
    Stock,
    Ledger,
    Append,
    Cart,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArguments {
    /// A history (.jsonl or .jsonl.zst), or the folder of a run
    pub(crate) history: PathBuf,
    /// What is meant to explain it
    #[arg(long, value_enum)]
    pub(crate) model: ModelArgument,
    /// Only operations of this scenario (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<String>,
    /// Which arm, when the history is of an experiment
    #[arg(long, value_enum, default_value = "treatment")]
    pub(crate) arm: ArmArgument,
    /// What was there before: VALUE of a register, KEY=VALUE of a key or product (may be repeated)
    #[arg(long, value_name = "VALUE")]
    pub(crate) initial: Vec<String>,
    /// Readings before and after the load (default: finals.jsonl.zst beside the history)
    #[arg(long, value_name = "FILE")]
    pub(crate) finals: Option<PathBuf>,
    /// Which reading has the orders, when several look like it
    #[arg(long, value_name = "READING")]
    pub(crate) orders: Option<String>,
    /// A status of orders that hold stock (may be repeated)
    #[arg(long, value_name = "STATUS")]
    pub(crate) taken: Vec<String>,
    /// A status of orders that nobody has decided about (may be repeated)
    #[arg(long, value_name = "STATUS")]
    pub(crate) open: Vec<String>,
    /// Transactions may have run in any order, also against the clock (append)
    #[arg(long)]
    pub(crate) any_order: bool,
    /// Give a search up after N steps
    #[arg(long, value_name = "N", default_value_t = 50_000_000)]
    pub(crate) steps_max: u64,
    /// Print the judgement as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
