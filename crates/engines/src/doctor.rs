//! What is here and what is not, for `standfast doctor`.

use crate::find::{MissingTool, find};
use crate::home::Home;
use crate::tool::{Installation, Tool};

/// One line of the doctor's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolReport {
    pub tool: Tool,
    /// Where it is, or the exact command that brings it.
    pub found: Result<Installation, MissingTool>,
}

/// Looks for every tool that `setup` can bring.
pub fn doctor(home: &Home) -> Vec<ToolReport> {
    Tool::ALL.into_iter().map(|tool| ToolReport { tool, found: find(tool, home) }).collect()
}
