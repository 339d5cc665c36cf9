//! Who moves the slots: a coordinator in this process, or one that is killed again and again.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_engines::process::{Child, CommandSpec, Output, Signal};
use standfast_reshard::coordinator::{Coordinator, Pauses, Progress};
use standfast_reshard::core::Ending;
use tokio::time::{Instant, sleep, timeout};

use super::load::{Load, Window};
use crate::options::Options;
use crate::stand::Stand;

const LOCK_WITHIN: Duration = Duration::from_secs(30);
const DONE_WITHIN: Duration = Duration::from_secs(900);
/// Some of its kills come before it has done anything, some when it has done most of a move: that
/// takes a second.
const KILLED_AFTER_MS: std::ops::Range<u64> = 10..900;
const SEED: u64 = 8;

pub(super) struct Coordinating<'a> {
    stand: &'a Stand,
    options: &'a Options,
    /// Of its shards, for a coordinator of its own.
    file: PathBuf,
}

/// How a request was carried out.
#[derive(Debug, Default)]
pub(super) struct Coordinated {
    pub(super) took: Duration,
    pub(super) moves: usize,
    pub(super) kills: u32,
    /// The longest pause of each move, with the number of its slots. A coordinator that is killed
    /// cannot tell of it.
    pub(super) pauses: Vec<(Duration, usize)>,
    /// What it was at, and when; by the load's clock.
    pub(super) phases: Vec<(&'static str, Window)>,
}

impl<'a> Coordinating<'a> {
    pub(super) fn new(stand: &'a Stand, options: &'a Options) -> Result<Self> {
        let file = stand.folder.join("shards.toml");
        let mut text = format!("catalog = \"{}\"\ntables = [\"items\"]\n", stand.fleet.catalog_url);
        for shard in &stand.fleet.shards {
            text.push_str(&format!(
                "[[shard]]\nname = \"{}\"\nurl = \"{}\"\n",
                shard.name, shard.url
            ));
        }
        fs::write(&file, text)?;
        Ok(Self { stand, options, file })
    }

    /// Until all that is noted down has been done.
    pub(super) async fn until_done(&self, moves: usize, load: &Load) -> Result<Coordinated> {
        let begun = Instant::now();
        let mut done = match self.options.kills {
            0 => self.undisturbed(load).await?,
            kills => self.killed(kills.div_ceil(2)).await?,
        };
        (done.took, done.moves) = (begun.elapsed(), moves);
        Ok(done)
    }

    async fn undisturbed(&self, load: &Load) -> Result<Coordinated> {
        let mut coordinator = Coordinator::begin(self.stand.fleet.clone(), LOCK_WITHIN).await?;
        let (mut done, mut pauses) = (Coordinated::default(), Pauses::default());
        for record in coordinator.catalog().open_moves().await? {
            let slots = record.slots.len();
            let mut phase = (record.phase.name(), load.now());
            let phases = &mut done.phases;
            let mut watch = |progress: Progress<'_>| {
                pauses.watch(&progress);
                if let Progress::Phase(record) = progress {
                    let (name, begin) = phase;
                    phase = (record.phase.name(), load.now());
                    phases.push((name, Window { begin, end: phase.1 }));
                }
            };
            let ending = coordinator.run(record, &mut watch).await?;
            ensure!(ending == Ending::Moved, "a move ended as {}", ending.name());
            done.pauses.push((std::mem::take(&mut pauses).longest(), slots));
        }
        Ok(done)
    }

    /// At random moments; then it may do the rest.
    async fn killed(&self, kills: u32) -> Result<Coordinated> {
        let (mut dice, mut done) = (StdRng::seed_from_u64(SEED), Coordinated::default());
        while done.kills < kills {
            let child = self.resume().await?;
            let after = Duration::from_millis(dice.random_range(KILLED_AFTER_MS));
            if let Ok(exit) = timeout(after, child.wait()).await {
                if exit.is_success() {
                    // There is nothing left to be killed in.
                    return Ok(done);
                }
                // Its predecessor's session has the lock until the server notices.
                continue;
            }
            done.kills += u32::from(child.signal(Signal::SIGKILL));
            child.wait().await;
        }
        let give_up = Instant::now() + DONE_WITHIN;
        while !self.resume().await?.wait().await.is_success() {
            ensure!(Instant::now() < give_up, "moves are not done in {DONE_WITHIN:?}");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(done)
    }

    async fn resume(&self) -> Result<Child> {
        let mut words: Vec<OsString> = ["shard", "resume", "--config"].map(Into::into).into();
        words.push(self.file.clone().into());
        let mut spec = CommandSpec::new("coordinator", &self.options.binary).arguments(words);
        spec.output = Output::Log(self.stand.folder.join("coordinator.log"));
        Ok(self.stand.spawner.spawn(spec).await?)
    }
}
