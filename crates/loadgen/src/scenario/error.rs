//! What may be wrong with a scenario, said so that its author finds the place.

/// Why a scenario cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    #[error(
        "scenario `{scenario}`: method `{method}` is none of GET, HEAD, POST, PUT, PATCH, DELETE, \
         OPTIONS"
    )]
    Method { scenario: String, method: String },
    #[error("scenario `{scenario}`: path `{path}` {reason}")]
    Path { scenario: String, path: String, reason: &'static str },
    #[error("scenario `{scenario}`: header `{header}` {reason}")]
    Header { scenario: String, header: String, reason: &'static str },
    #[error("scenario `{scenario}`: `{{{name}}}` in {place} is no variable of it{hint}")]
    UnknownVariable { scenario: String, place: String, name: String, hint: String },
    #[error(
        "scenario `{scenario}`: variable `{variable}` is used nowhere; drop it or \
         write {{{variable}}}"
    )]
    UnusedVariable { scenario: String, variable: String },
    #[error("scenario `{scenario}`: variable `{variable}` {reason}")]
    Variable { scenario: String, variable: String, reason: String },
    #[error("scenario `{scenario}`: `{list}` holds {status}, which is no HTTP status (100 to 599)")]
    Status { scenario: String, list: &'static str, status: u16 },
    #[error("scenario `{scenario}`: observe.{field} = `{text}` {reason}")]
    Observe { scenario: String, field: &'static str, text: String, reason: &'static str },
    #[error("`{url}` {reason}; a URL looks like http://127.0.0.1:5000/path")]
    Url { url: String, reason: String },
}
