//! SQL scripts, run by MariaDB's client: it knows delimiters, and names the line of an error.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{self, CLIENT, ClientLogin};
use super::dialect::Dialect;
use super::session::Session;
use crate::engine::{EngineError, Site};

/// A catalogue of 200,000 rows with its indexes takes well below a minute.
const SCRIPT_WITHIN: Duration = Duration::from_secs(600);

/// Runs `script` as superuser in the engine's database. It reads each variable as
/// `@standfast_NAME`. A server that is kept read-only takes writes meanwhile.
pub(crate) async fn run_script(
    site: &Site,
    script: &str,
    variables: &BTreeMap<String, String>,
) -> Result<(), EngineError> {
    let read_only = Dialect::of(site).read_only_setting();
    let mut session = Session::open(site).await?;
    let was: u8 = session.value(site, &format!("SELECT @@GLOBAL.{read_only}")).await?;
    if was == 0 {
        return run(site, script, variables).await;
    }
    session.run(site, &format!("SET GLOBAL {read_only} = OFF")).await?;
    let done = run(site, script, variables).await;
    session.run(site, &format!("SET GLOBAL {read_only} = ON")).await?;
    done
}

async fn run(
    site: &Site,
    script: &str,
    variables: &BTreeMap<String, String>,
) -> Result<(), EngineError> {
    let (mut command, _login) = client::command(site, CLIENT, &ClientLogin::own(site))?;
    command = command.arguments(["--batch", "--skip-column-names"]);
    command = command.arguments(site.spec.database.iter().map(|name| format!("--database={name}")));
    // On the line of the script's first statement, so that errors name its lines.
    command.input = format!("{}{script}", assignments(site, variables)?).into_bytes();
    site.run(command, SCRIPT_WITHIN).await.map(drop)
}

fn assignments(site: &Site, variables: &BTreeMap<String, String>) -> Result<String, EngineError> {
    let mut text = String::new();
    for (name, value) in variables {
        site.check_setting(name, value, &[])?;
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        text.push_str(&format!("SET @standfast_{name} = '{value}'; "));
    }
    Ok(text)
}
