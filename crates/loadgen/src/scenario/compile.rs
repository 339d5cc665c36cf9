//! A scenario after validation: nothing can be wrong with it once load runs.

use std::sync::Arc;

use standfast_history::Outcome;

use super::error::ScenarioError;
use super::observe::{Observe, Place};
use super::spec::ScenarioSpec;
use super::status::StatusSet;
use super::template::{DeadlineUse, Template, UnknownName};
use super::variable::{Encoding, Variable};

/// Headers that the generator itself must control, or framing breaks.
const RESERVED_HEADERS: [&str; 5] =
    ["connection", "content-length", "expect", "transfer-encoding", "upgrade"];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The methods that change nothing.
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// A server that answers 500 may have committed before it broke, and a gateway that answers 502 or
/// 504 may have passed the write on. 503 is a refusal.
const UNCERTAIN_STATUSES: [u16; 3] = [500, 502, 504];

/// One kind of request, checked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scenario(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Option<Template>,
    pub(crate) names: Vec<String>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) observe: Observe,
    pub(crate) write: bool,
    success: StatusSet,
    uncertain: StatusSet,
}

impl Scenario {
    /// Checks `spec`, which is called `name`.
    ///
    /// # Errors
    /// When the method, path, a header, a variable, a status or a placeholder cannot be used. The
    /// error says where and, for a misspelt placeholder, what was probably meant.
    pub fn compile(name: &str, spec: &ScenarioSpec) -> Result<Self, ScenarioError> {
        if !METHODS.contains(&spec.method.as_str()) {
            let (scenario, method) = (name.to_owned(), spec.method.clone());
            return Err(ScenarioError::Method { scenario, method });
        }
        check_path(name, &spec.path)?;
        let variables = variables(name, spec)?;
        let names: Vec<&str> = spec.variables.keys().map(String::as_str).collect();
        let path = parse(name, "its path", &spec.path, &names, Encoding::Percent)?;
        let headers = headers(name, spec, &names, &variables)?;
        let body = spec.body.as_deref();
        let body =
            body.map(|body| parse(name, "its body", body, &names, Encoding::Plain)).transpose()?;
        let observe = Observe::try_new(name, &spec.observe, &names)?;
        let write = spec.write.unwrap_or(!SAFE_METHODS.contains(&spec.method.as_str()));
        let uncertain = spec.uncertain.as_deref().unwrap_or(&UNCERTAIN_STATUSES);
        let success = if spec.success.is_empty() {
            StatusSet::try_new(name, "success", 200..=299)?
        } else {
            StatusSet::try_new(name, "success", spec.success.iter().copied())?
        };
        let parts = Parts {
            name: name.to_owned(),
            service: spec.service.clone(),
            method: spec.method.clone(),
            path,
            headers,
            body,
            names: names.into_iter().map(str::to_owned).collect(),
            variables,
            observe,
            write,
            success,
            uncertain: StatusSet::try_new(name, "uncertain", uncertain.iter().copied())?,
        };
        check_all_used(&parts)?;
        Ok(Self(Arc::new(parts)))
    }

    /// Its name in `system.toml`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The service that it asks.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// Whether an attempt changes state, so that one without an answer is `Info`.
    pub fn is_write(&self) -> bool {
        self.0.write
    }

    /// The scenario whose answers give it something to ask for.
    pub fn needs_answers_of(&self) -> Option<&str> {
        self.0.variables.iter().find_map(Variable::answered_by)
    }

    /// Whether its answers give ids.
    pub fn observes_id(&self) -> bool {
        self.0.observe.id.is_some()
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// What an answer with `status` means.
    pub(crate) fn judge(&self, status: u16) -> Outcome {
        if self.0.success.contains(status) {
            Outcome::Ok
        } else if self.0.write && self.0.uncertain.contains(status) {
            Outcome::Info
        } else {
            Outcome::Fail
        }
    }
}

fn variables(scenario: &str, spec: &ScenarioSpec) -> Result<Vec<Variable>, ScenarioError> {
    let check = |(variable, spec): (&String, _)| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let checked = if variable.starts_with(|c: char| c.is_ascii_digit())
            || !variable.chars().all(is_word)
            || variable.is_empty()
        {
            Err("must be made of letters, digits and `_`, and start with no digit".to_owned())
        } else if variable == "deadline_ms" {
            Err("has the name of the deadline's placeholder".to_owned())
        } else {
            Variable::try_new(spec)
        };
        checked.map_err(|reason| ScenarioError::Variable {
            scenario: scenario.to_owned(),
            variable: variable.clone(),
            reason,
        })
    };
    let checked: Vec<Variable> = spec.variables.iter().map(check).collect::<Result<_, _>>()?;
    let mut answered = spec
        .variables
        .keys()
        .zip(&checked)
        .filter_map(|(name, variable)| variable.answered_by().map(|of| (name, of)));
    let first = answered.next();
    let other = answered.find(|(_, of)| first.is_some_and(|(_, first)| first != *of));
    match other {
        None => Ok(checked),
        Some((variable, of)) => Err(ScenarioError::Variable {
            scenario: scenario.to_owned(),
            variable: variable.clone(),
            reason: format!("is answered by `{of}`, and another one is not"),
        }),
    }
}

fn check_path(scenario: &str, path: &str) -> Result<(), ScenarioError> {
    let reason = if !path.starts_with('/') {
        "must start with `/`"
    } else if path.contains(|c: char| !c.is_ascii_graphic()) {
        "must be percent-encoded: it holds a character that no URL may hold"
    } else if path.contains('#') {
        "holds a fragment (`#`), which is never sent; write %23"
    } else {
        return Ok(());
    };
    Err(ScenarioError::Path { scenario: scenario.to_owned(), path: path.to_owned(), reason })
}

fn headers(
    scenario: &str,
    spec: &ScenarioSpec,
    names: &[&str],
    variables: &[Variable],
) -> Result<Vec<(String, Template)>, ScenarioError> {
    let mut headers = Vec::with_capacity(spec.headers.len());
    for (header, text) in &spec.headers {
        let fail = |reason| ScenarioError::Header {
            scenario: scenario.to_owned(),
            header: header.clone(),
            reason,
        };
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.is_empty() || !header.chars().all(is_token) {
            return Err(fail("is no valid name of a header"));
        }
        if RESERVED_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
            return Err(fail("is set by the generator itself"));
        }
        let place = format!("header `{header}`");
        let template = Template::parse(text, names, Encoding::Plain, DeadlineUse::Allowed)
            .map_err(|unknown| unknown_variable(scenario, &place, unknown))?;
        let broken = |position: usize| variables[position].has_control_characters();
        if text.contains(char::is_control) || template.variables().any(broken) {
            return Err(fail("would hold a control character"));
        }
        headers.push((header.clone(), template));
    }
    Ok(headers)
}

fn parse(
    scenario: &str,
    place: &str,
    text: &str,
    names: &[&str],
    encoding: Encoding,
) -> Result<Template, ScenarioError> {
    Template::parse(text, names, encoding, DeadlineUse::Refused)
        .map_err(|unknown| unknown_variable(scenario, place, unknown))
}

fn unknown_variable(scenario: &str, place: &str, unknown: UnknownName) -> ScenarioError {
    ScenarioError::UnknownVariable {
        scenario: scenario.to_owned(),
        place: place.to_owned(),
        name: unknown.name,
        hint: unknown.hint,
    }
}

fn check_all_used(parts: &Parts) -> Result<(), ScenarioError> {
    let observed = parts.observe.places().filter_map(|place| match place {
        Place::Template(template) => Some(template),
        Place::Header(_) | Place::Body(_) => None,
    });
    let headers = parts.headers.iter().map(|(_, template)| template);
    let templates = [&parts.path].into_iter().chain(headers).chain(&parts.body).chain(observed);
    let used: Vec<usize> = templates.flat_map(Template::variables).collect();
    match (0..parts.names.len()).find(|position| !used.contains(position)) {
        Some(unused) => Err(ScenarioError::UnusedVariable {
            scenario: parts.name.clone(),
            variable: parts.names[unused].clone(),
        }),
        None => Ok(()),
    }
}
