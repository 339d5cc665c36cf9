//! Writes the run folder while the run goes on, so that a crash leaves evidence.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde::Serialize;
use standfast_checker::{Answers, Latencies};
use standfast_history::{Event, FinalRead, MachineSample, Operation};

use super::options::RunError;
use super::progress::Place;
use super::stored::RunFolder;
use crate::claim::{TrialRecord, windows};
use crate::evidence::{Evidence, folder_name};
use crate::spec::{Experiment, Phase};
use crate::verdict::{Arm, ExperimentResult};

/// As in `standfast-history`: a tenth of the size, faster than a disk writes it.
const ZSTD_LEVEL: i32 = 3;

/// Phases whose distributions are written.
const PHASES: [(Phase, &str); 4] = [
    (Phase::Before, "before"),
    (Phase::Fault, "fault"),
    (Phase::After, "after"),
    (Phase::All, "all"),
];

/// The files of one run.
#[derive(Debug)]
pub(crate) struct RunWriter {
    folder: RunFolder,
    latencies: BTreeMap<(&'static str, &'static str), Histogram<u64>>,
}

impl RunWriter {
    pub(crate) fn new(folder: RunFolder) -> Self {
        Self { folder, latencies: BTreeMap::new() }
    }

    pub(crate) fn document<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(value).map_err(std::io::Error::other);
        // Renamed into place, so that a crash leaves the older document and not half of one.
        let draft = path.with_extension("draft");
        text.and_then(|text| std::fs::write(&draft, format!("{text}\n")))
            .and_then(|()| std::fs::rename(&draft, path))
            .map_err(|source| RunError::Write { path: path.to_owned(), source })
    }

    pub(crate) fn result(&self, result: &ExperimentResult) -> Result<(), RunError> {
        self.document(&self.folder.result(), result)
    }

    /// Adds the operations of one trial.
    pub(crate) fn history(&self, place: Place, operations: &[Operation]) -> Result<(), RunError> {
        write_frame(self.folder.history(), place, operations)
    }

    /// Adds what was read at the end of one trial.
    pub(crate) fn finals(&self, place: Place, finals: &[FinalRead]) -> Result<(), RunError> {
        match finals.is_empty() {
            true => Ok(()),
            false => write_frame(self.folder.finals(), place, finals),
        }
    }

    /// Adds what the machine was busy with in one trial.
    pub(crate) fn machine(&self, place: Place, samples: &[MachineSample]) -> Result<(), RunError> {
        match samples.is_empty() {
            true => Ok(()),
            false => write_frame(self.folder.machine(), place, samples),
        }
    }

    /// Writes what one trial shows, for whoever wants to see for himself.
    pub(crate) fn evidence(
        &self,
        place: Place,
        experiment: &Experiment,
        record: &TrialRecord,
    ) -> Result<(), RunError> {
        let Some(evidence) = Evidence::of(experiment, record) else { return Ok(()) };
        let path = self.folder.evidence().join(folder_name(place));
        let (system, name) = (&experiment.system.name, &experiment.name);
        let title = format!("{system}/{name}, {} trial {}", place.arm.name(), place.trial);
        evidence.write(&path, &title).map_err(|source| RunError::Write { path, source })
    }

    /// Notes the latencies of one trial for the `.hgrm` files, and writes those anew.
    pub(crate) fn latencies(&mut self, arm: Arm, trial: &TrialRecord) -> Result<(), RunError> {
        for (phase, name) in PHASES {
            let windows = windows(trial, phase);
            let histogram =
                Latencies::of(windows.select(&trial.operations), Answers::All).histogram();
            if histogram.is_empty() {
                continue;
            }
            let sum = self
                .latencies
                .entry((arm.name(), name))
                .or_insert_with(|| Latencies::default().histogram());
            sum.add(&histogram).expect("both histograms have the same bounds");
            let path = self.folder.latencies(arm, name);
            let written = File::create(&path).and_then(|file| {
                let mut file = BufWriter::new(file);
                standfast_loadgen::hgrm::write(&mut file, sum)?;
                file.flush()
            });
            written.map_err(|source| RunError::Write { path, source })?;
        }
        Ok(())
    }
}

/// Appends events as they come; a line is on disk before the next one is taken.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    place: Place,
    file: File,
}

impl EventFile {
    pub(crate) fn open(folder: &RunFolder, place: Place) -> Result<Self, RunError> {
        let path = folder.events();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| RunError::Write { path: path.clone(), source })?;
        Ok(Self { path, place, file })
    }

    pub(crate) fn add(&mut self, event: &Event) -> Result<(), RunError> {
        let record = TaggedRef { arm: self.place.arm, trial: self.place.trial, record: event };
        let mut line = Vec::new();
        write_line(&mut line, &record)
            .and_then(|()| self.file.write_all(&line))
            .map_err(|source| RunError::Write { path: self.path.clone(), source })
    }
}

/// What is read again as [`Tagged`](super::Tagged), without a copy of the record.
#[derive(Serialize)]
struct TaggedRef<'a, T> {
    arm: Arm,
    trial: u32,
    #[serde(flatten)]
    record: &'a T,
}

/// Each trial is a zstd frame of its own, so that what is there can be read whatever happens to the
/// next one.
fn write_frame<T: Serialize>(path: PathBuf, place: Place, records: &[T]) -> Result<(), RunError> {
    let written = append(&path).and_then(|file| {
        let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
        for record in records {
            write_line(&mut encoder, &TaggedRef { arm: place.arm, trial: place.trial, record })?;
        }
        encoder.finish()?.flush()
    });
    written.map_err(|source| RunError::Write { path, source })
}

fn append(path: &Path) -> std::io::Result<BufWriter<File>> {
    OpenOptions::new().create(true).append(true).open(path).map(BufWriter::new)
}

fn write_line(out: &mut impl Write, record: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}
