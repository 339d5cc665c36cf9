//! Keeps what people want to look at beside the verdict, before an instance is deleted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use standfast_engines::process::Spawner;
use standfast_engines::{Home, LogReport, Tool, find, postgres_configuration};

use super::progress::Place;
use super::stored::RunFolder;
use crate::instance::{Instance, http};
use crate::spec::{Artifact, ArtifactContent};

/// A service sums up what it has gathered over the whole run.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Who keeps them, and of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArtifactKeeper<'a> {
    pub(super) artifacts: &'a [Artifact],
    pub(super) instance: &'a Instance,
    pub(super) home: &'a Home,
    pub(super) spawner: &'a Spawner,
}

impl ArtifactKeeper<'_> {
    /// Writes all of them to `artifacts/<arm>-<trial>/`. One that is not to be had leaves a file
    /// that says why: no verdict rests on it.
    pub(super) async fn keep(self, run: &RunFolder, place: Place) {
        let folder = run.artifacts().join(format!("{}-{}", place.arm.name(), place.trial));
        for artifact in self.artifacts {
            let path = folder.join(&artifact.name);
            if let Err(reason) = self.write(artifact, &path).await {
                let missing = path.with_extension("missing.txt");
                tracing::warn!(artifact = %artifact.name, %reason, "an artifact is missing");
                drop(std::fs::write(missing, format!("{reason}\n")));
            }
        }
    }

    async fn write(self, artifact: &Artifact, path: &Path) -> Result<(), String> {
        let parent = path.parent().unwrap_or(path);
        std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        match &artifact.content {
            ArtifactContent::Answer { service, path: asked } => {
                let address = self.instance.endpoint(service);
                let address = address.ok_or_else(|| format!("`{service}` has no port"))?;
                let answer = http::get(address, asked, ANSWER_WITHIN).await;
                let answer = answer.map_err(|error| error.to_string())?;
                if answer.status != 200 {
                    return Err(format!("GET {asked} of {service} answered {}", answer.status));
                }
                std::fs::write(path, answer.body).map_err(|error| error.to_string())
            }
            ArtifactContent::LogReport { engine } => {
                let pgbadger = find(Tool::Pgbadger, self.home).map_err(|it| it.to_string())?;
                let log = self.instance.log(engine);
                let report = LogReport { log: &log, page: path, title: engine };
                report.make(&pgbadger, self.spawner).await.map_err(|error| error.to_string())
            }
            ArtifactContent::Configuration { engine } => {
                let files = postgres_configuration(&self.instance.folder().data(engine));
                copy_all(&files, path)
            }
        }
    }
}

fn copy_all(files: &[PathBuf], folder: &Path) -> Result<(), String> {
    if files.is_empty() {
        return Err("its data folder holds no configuration".to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    for file in files {
        let name = file.file_name().unwrap_or_default();
        // Written anew: the original is for its owner's eyes only.
        let text = std::fs::read(file).map_err(|error| error.to_string())?;
        std::fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
    }
    Ok(())
}
