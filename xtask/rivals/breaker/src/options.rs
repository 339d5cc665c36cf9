//! What the benchmark is told on its command line.

use std::path::PathBuf;

const USAGE: &str = "\
options of `cargo xtask bench breaker`:
  --rounds N       how often each contender is measured (21)
  --json FILE      also writes all figures there";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { rounds: 21, json: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => {
                    let value = words.next().unwrap_or_default();
                    let rounds = value.parse().ok().filter(|rounds| *rounds > 0);
                    options.rounds =
                        rounds.ok_or_else(|| format!("`{value}` is no number of rounds"))?;
                }
                "--json" => {
                    let path = words.next().ok_or("--json wants a file")?;
                    options.json = Some(path.into());
                }
                other => return Err(format!("`{other}` is no option\n{USAGE}")),
            }
        }
        Ok(options)
    }
}
