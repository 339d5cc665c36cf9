//! What the benchmark is told on its command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::target::{CLIENTS_MAX, Kind};

const USAGE: &str = "\
options of `cargo xtask bench failover`:
  --engine NAME      postgres, mariadb or mysql; may be given again (all three)
  --kills N          `kill -9` of the primary's processes (30)
  --freezes N        SIGSTOP, and SIGCONT after the failover (20)
  --switchovers N    by order, once with a connection for each request, once with kept ones (10)
  --whole            all of order-saga under orders by HTTP, instead of each cluster under rows
  --patroni N        also Patroni with etcd: N trials of each fault under each setting (0)
  --clients N        writers at full speed (3)
  --failovers-max N  raised for the series: 3 within 10 minutes is the default of a watchdog (1000)
  --setting KEY=VALUE  of both servers, beside those that order-saga has; may be given again
  --trials FILE      keeps each trial there, and goes on where an earlier run was cut
  --json FILE        also writes all figures there
  --binary PATH      another standfast than this build";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) engines: Vec<Kind>,
    pub(crate) kills: u32,
    pub(crate) freezes: u32,
    pub(crate) switchovers: u32,
    /// Whether all of order-saga is measured, and not each cluster alone.
    pub(crate) whole: bool,
    /// How many trials of each fault Patroni gets.
    pub(crate) patroni: u32,
    pub(crate) clients: usize,
    pub(crate) failovers_max: u32,
    /// Of the servers.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) trials: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    /// The standfast that serves.
    pub(crate) binary: PathBuf,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            engines: Vec::new(),
            kills: 30,
            freezes: 20,
            switchovers: 10,
            whole: false,
            patroni: 0,
            clients: 3,
            failovers_max: 1000,
            settings: Vec::new(),
            trials: None,
            json: None,
            binary: PathBuf::from(env!("CARGO_BIN_EXE_standfast")),
        };
        while let Some(word) = words.next() {
            let mut value =
                || words.next().with_context(|| format!("{word} wants a value\n{USAGE}"));
            match word.as_str() {
                "--engine" => options.engines.push(engine(&value()?)?),
                "--kills" => options.kills = number(&value()?)?,
                "--freezes" => options.freezes = number(&value()?)?,
                "--switchovers" => options.switchovers = number(&value()?)?,
                "--whole" => options.whole = true,
                "--patroni" => options.patroni = number(&value()?)?,
                "--clients" => options.clients = number(&value()?)? as usize,
                "--failovers-max" => options.failovers_max = number(&value()?)?,
                "--setting" => options.settings.push(setting(&value()?)?),
                "--trials" => options.trials = Some(value()?.into()),
                "--json" => options.json = Some(value()?.into()),
                "--binary" => options.binary = value()?.into(),
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => bail!("`{word}` is no option\n{USAGE}"),
            }
        }
        ensure!(
            (1..=CLIENTS_MAX).contains(&options.clients),
            "--clients is from 1 to {CLIENTS_MAX}\n{USAGE}"
        );
        ensure!(
            !options.whole || options.patroni == 0,
            "--patroni has no shop around it for --whole\n{USAGE}"
        );
        if options.engines.is_empty() {
            options.engines = Kind::ALL.to_vec();
        }
        Ok(options)
    }
}

fn engine(name: &str) -> Result<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.with_context(|| format!("`{name}` is no engine of these\n{USAGE}"))
}

fn setting(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').with_context(|| format!("`{text}` is no KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn number(text: &str) -> Result<u32> {
    text.parse().ok().with_context(|| format!("`{text}` is no whole number\n{USAGE}"))
}
