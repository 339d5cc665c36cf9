//! The rival of routing: one pgbench for each server, which knows its keys beforehand.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::process::CommandSpec;
use tokio::task::JoinSet;

use crate::options::Options;
use crate::stand::Stand;

/// One for each shard.
pub(crate) struct Pgbench {
    program: PathBuf,
    /// Its script, and the server.
    runs: Vec<(PathBuf, String)>,
    connections_each: u32,
    seconds: u32,
}

impl Pgbench {
    /// Single rows of slots that the shard owns, into `table`.
    pub(crate) async fn prepare(stand: &Stand, table: &str, options: &Options) -> Result<Self> {
        let program = stand.programs.join("pgbench");
        ensure!(program.is_file(), "{} is not there: it is the rival", program.display());
        let mut runs = Vec::new();
        for shard in &stand.fleet.shards {
            let owned = stand.owned(&shard.name).await?;
            let range = owned.ranges().first().context("a shard owns slots")?;
            let script = format!(
                "\\set id random(1, {})\n\\set slot random({}, {})\n\
                 INSERT INTO {table} (id, slot, value, note) \
                 VALUES (:id, :slot, 1, 'written');\n",
                i64::MAX / 2,
                range.first,
                range.last
            );
            let path = stand.folder.join(format!("{table}-{}.sql", shard.name));
            fs::write(&path, script)?;
            runs.push((path, shard.url.clone()));
        }
        let connections_each = options.connections.div_ceil(runs.len() as u32);
        Ok(Self { program, runs, connections_each, seconds: options.seconds })
    }

    /// Rows per second on all servers together, at the same time.
    pub(crate) async fn run(&self, stand: &Stand) -> Result<f64> {
        let mut running = JoinSet::new();
        for (script, url) in &self.runs {
            let (clients, seconds) = (self.connections_each, self.seconds);
            let words = format!("-n -M prepared -c {clients} -j 1 -T {seconds} -f");
            let mut arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            arguments.extend([script.clone().into(), url.into()]);
            let spec = CommandSpec::new("pgbench", &self.program).arguments(arguments);
            let spawner = stand.spawner.clone();
            let deadline = Duration::from_secs(u64::from(seconds) + 30);
            running.spawn(async move { spawner.run(spec, deadline).await });
        }
        let mut rate = 0.0;
        while let Some(finished) = running.join_next().await {
            let finished = finished??;
            ensure!(finished.status.is_success(), "pgbench: {}", finished.complaint());
            let said = String::from_utf8_lossy(&finished.stdout).into_owned();
            let tps = said.split("tps = ").nth(1).and_then(|rest| rest.split_whitespace().next());
            let tps: Option<f64> = tps.and_then(|tps| tps.parse().ok());
            rate += tps.with_context(|| format!("pgbench said: {said}"))?;
        }
        Ok(rate)
    }
}
