//! What the benchmark is told on its command line.

use std::path::PathBuf;

const USAGE: &str = "\
options of `cargo xtask bench shard`:
  --rounds N       how often the lookups of each contender are measured (21)
  --choices N      how many choices of shards' numbers are looked at for each ring (100)
  --json FILE      also writes all figures there";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) choices: u32,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { rounds: 21, choices: 100, json: None };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            let number = || {
                let number = value.parse().ok().filter(|number| *number > 0);
                number.ok_or_else(|| format!("{word} wants a positive number, not `{value}`"))
            };
            match word.as_str() {
                "--rounds" => options.rounds = number()?,
                "--choices" => options.choices = number()?,
                "--json" if !value.is_empty() => options.json = Some(value.into()),
                other => return Err(format!("`{other}` is no option\n{USAGE}")),
            }
        }
        Ok(options)
    }
}
