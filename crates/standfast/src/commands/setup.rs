//! `standfast setup`: brings missing engines with the machine's own package clients.

use standfast_engines::Tool;

use super::session::{self, Session};
use crate::cli::SetupArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(arguments: &SetupArguments) -> Answer {
    let mut tools = Vec::new();
    for name in &arguments.tools {
        tools.push(name.parse::<Tool>().map_err(|error| Failure::new(Exit::Usage, error))?);
    }
    if tools.is_empty() {
        tools = session::needed_tools();
    }
    if arguments.tests {
        tools = Tool::ALL.to_vec();
    }
    let session = Session::start()?;
    session.bring(&tools, arguments.yes).await?;
    for tool in tools {
        let found = standfast_engines::find(tool, &session.home).map_err(Failure::unavailable)?;
        output::result(format!("{tool} {} at {}", found.version, found.path.display()));
    }
    Ok(Exit::Held)
}
