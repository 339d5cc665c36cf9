//! Where an experiment comes from, and which system it means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::document::{Document, steps};
use super::super::problem::{Problem, Problems, SpecError};
use super::super::source::SystemSource;
use super::super::system::{Brokers, BrokersError, Manager, System};
use super::{Experiment, check, file};

/// An experiment before it is read.
#[derive(Clone, Debug)]
pub struct ExperimentSource {
    /// The name of its file without `.toml`.
    pub name: String,
    /// How messages name its file.
    pub file: String,
    pub text: String,
    /// What `system` is relative to; an experiment inside the binary has no folder.
    pub folder: Option<PathBuf>,
}

/// What goes before what an experiment and its system say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// How many brokers its log runs on.
    pub brokers: Option<Brokers>,
    /// Who decides on the roles of its PostgreSQL servers.
    pub manager: Manager,
}

impl ExperimentSource {
    /// Reads a file of the user.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, SpecError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| one_problem(&file, 1, format!("cannot be read: {error}")))?;
        let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { name, file, text, folder: Some(folder) })
    }

    /// An experiment that is part of the binary.
    pub fn embedded(system: &str, name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            file: format!("{system}/experiments/{name}.toml"),
            text: text.to_owned(),
            folder: None,
        }
    }

    /// Reads and checks the experiment and its system.
    ///
    /// # Errors
    /// Every mistake of either file, with its line.
    pub fn load(&self, shipped: &[SystemSource]) -> Result<Experiment, SpecError> {
        self.load_with(shipped, Given::default())
    }

    /// The same with what the user gives.
    ///
    /// # Errors
    /// As [`Self::load`], and when its system cannot have that.
    pub fn load_with(
        &self,
        shipped: &[SystemSource],
        given: Given,
    ) -> Result<Experiment, SpecError> {
        let document = Document::parse(&self.file, &self.text)?;
        let mut problems = Problems::new(&self.file);
        let named = document.read("system", &mut problems).unwrap_or_else(file::own_folder);
        let source = self.system(&named, shipped, document.line(&["system".into()]))?;
        let mut system = System::load(source)?;
        let written = document.read("brokers", &mut problems);
        if let Some(brokers) = given.brokers.or(written) {
            let line = document.line(&["brokers".into()]);
            let refused = |error: BrokersError| one_problem(&self.file, line, error.to_string());
            system = system.with_brokers(brokers).map_err(refused)?;
        }
        let system = system
            .with_manager(given.manager)
            .map_err(|error| one_problem(&self.file, 1, error.to_string()))?;
        let system = only(system, &document, &mut problems);
        check::experiment(self, &document, Arc::new(system), problems)
    }

    fn system(
        &self,
        named: &str,
        shipped: &[SystemSource],
        line: usize,
    ) -> Result<SystemSource, SpecError> {
        let names = || {
            shipped.iter().filter_map(|source| match source {
                SystemSource::Embedded { name, .. } => Some((name.as_str(), source)),
                SystemSource::Folder(_) => None,
            })
        };
        if let Some((_, source)) = names().find(|(name, _)| *name == named) {
            return Ok(source.clone());
        }
        let folder = self.folder.as_ref().map(|folder| folder.join(named));
        if let Some(folder) = folder.filter(|folder| folder.join("system.toml").is_file()) {
            return Ok(SystemSource::Folder(folder));
        }
        let mut problems = Problems::new(&self.file);
        let text = format!("system `{named}` is neither shipped nor a folder with a system.toml");
        problems.report_unknown(line, text, named, names().map(|(name, _)| name));
        problems.finish(()).and(Err(one_problem(&self.file, line, named.to_owned())))
    }
}

/// The part of `system` that the experiment brings up.
fn only(system: System, document: &Document<'_>, problems: &mut Problems) -> System {
    let Some(names) = document.read::<Vec<String>>("only", problems) else { return system };
    let line = |index| document.line(steps!["only", index]);
    for (index, name) in names.iter().enumerate() {
        if !system.processes().any(|known| known == name) {
            let text = format!("`{name}` is no engine or service of {}", system.name);
            problems.report_unknown(line(index), text, name, system.processes());
        }
    }
    if names.is_empty() {
        problems.report(line(0), "`only` brings nothing up; leave it out to bring up all");
    }
    let environment = document.read("environment", problems).unwrap_or_default();
    // Whatever else is wrong is found against all of it, and not for want of a name.
    if problems.is_empty() { system.with_only(names, &environment) } else { system }
}

fn one_problem(file: &str, line: usize, text: String) -> SpecError {
    SpecError { problems: vec![Problem { file: file.to_owned(), line, text, suggestion: None }] }
}
