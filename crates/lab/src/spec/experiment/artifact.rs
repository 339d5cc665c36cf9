//! What a run keeps beside its verdict: `[[artifact]]`.
//!
//! A claim needs one figure; whoever wants to understand it needs a distribution, a log, the
//! settings of a server. Those are kept for people, and no verdict rests on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::document::steps;
use super::super::source::is_inside;
use super::super::system::EngineKind;
use super::check::{Check, LEFT_OUT};

/// Something that is kept of every trial, in `artifacts/ARM-TRIAL/` of the run folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactFile {
    /// The file that it becomes; of `configuration_of`, the folder.
    pub name: String,
    /// A service that is asked for it when the load has ended.
    #[serde(default)]
    pub service: Option<String>,
    /// Path and query of that GET request.
    #[serde(default)]
    pub path: Option<String>,
    /// A PostgreSQL server of whose log pgBadger makes a page.
    #[serde(default)]
    pub log_report_of: Option<String>,
    /// A PostgreSQL server whose settings are copied, with the list of who may come.
    #[serde(default)]
    pub configuration_of: Option<String>,
}

/// An artifact that makes sense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    pub name: String,
    pub content: ArtifactContent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactContent {
    Answer { service: String, path: String },
    LogReport { engine: String },
    Configuration { engine: String },
}

impl Check<'_, '_> {
    pub(super) fn artifacts(&mut self) -> Vec<Artifact> {
        let files: Vec<(usize, ArtifactFile)> = self.document.read_list("artifact", self.problems);
        let mut artifacts: Vec<Artifact> = Vec::new();
        for (index, file) in files {
            let line = self.document.line(steps!["artifact", index]);
            if artifacts.iter().any(|earlier| earlier.name == file.name) {
                self.problems.report(line, format!("there is another artifact `{}`", file.name));
            }
            if !is_inside(&file.name) {
                self.problems.report(line, format!("`{}` is no name of a file", file.name));
            }
            if let Some(content) = self.artifact_content(index, &file) {
                artifacts.push(Artifact { name: file.name, content });
            }
        }
        artifacts
    }

    fn artifact_content(&mut self, index: usize, file: &ArtifactFile) -> Option<ArtifactContent> {
        let line = self.document.line(steps!["artifact", index]);
        let parts = (&file.service, &file.path, &file.log_report_of, &file.configuration_of);
        match parts {
            (Some(service), Some(path), None, None) => {
                let known = self.system.services.get(service);
                if known.is_none_or(|service| service.port.is_none()) {
                    let text = format!("`{service}` is no service with a port");
                    self.unknown_service(line, text, service);
                }
                if !path.starts_with('/') {
                    let text = format!("`{path}` is no path, which starts with `/`");
                    self.problems.report(line, text);
                }
                Some(ArtifactContent::Answer { service: service.clone(), path: path.clone() })
            }
            (None, None, Some(engine), None) => {
                self.is_postgres(line, engine);
                Some(ArtifactContent::LogReport { engine: engine.clone() })
            }
            (None, None, None, Some(engine)) => {
                self.is_postgres(line, engine);
                Some(ArtifactContent::Configuration { engine: engine.clone() })
            }
            _ => {
                let text = "an artifact needs either `service` and `path`, or `log_report_of`, or \
                            `configuration_of`";
                self.problems.report(line, text);
                None
            }
        }
    }

    fn is_postgres(&mut self, line: usize, engine: &str) {
        if self.system.leaves_out(engine) {
            return self.problems.report(line, format!("`{engine}` is {LEFT_OUT}"));
        }
        let engines = self.system.engines.iter();
        let known: Vec<&str> = engines
            .filter(|(_, it)| it.kind == EngineKind::Postgres)
            .map(|(name, _)| name.as_str())
            .collect();
        if !known.contains(&engine) {
            let text = format!("`{engine}` is no PostgreSQL server");
            self.problems.report_unknown(line, text, engine, known);
        }
    }
}
