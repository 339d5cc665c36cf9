//! What clients ask for: the public form, its validation, and the bytes of each request.

mod answered;
mod compile;
mod error;
mod observe;
mod request;
mod spec;
mod status;
mod template;
mod url;
mod variable;

pub use compile::Scenario;
pub use error::ScenarioError;
pub use spec::{ObserveSpec, ScalarSpec, ScenarioSpec, VariableSpec};

pub(crate) use answered::Answered;
pub(crate) use request::Requests;
