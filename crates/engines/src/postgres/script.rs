//! SQL scripts, run by `psql`: it knows every kind of statement, and names the line of an error.

use std::collections::BTreeMap;
use std::time::Duration;

use super::configuration::{MAINTENANCE_DATABASE, SUPERUSER, passfile};
use crate::engine::{EngineError, Site, TemporaryFile};

/// A catalogue of 200,000 rows with its indexes takes well below a minute.
const SCRIPT_WITHIN: Duration = Duration::from_secs(600);

/// Runs `script` as superuser in the engine's database. It reads each variable as
/// `current_setting('standfast.NAME')`.
pub(crate) async fn run_script(
    site: &Site,
    script: &str,
    variables: &BTreeMap<String, String>,
) -> Result<(), EngineError> {
    let passfile_path = site.spec.data.with_extension("script-pgpass");
    site.write(&passfile_path, &passfile(SUPERUSER, &site.spec.secrets.superuser))?;
    let passfile = TemporaryFile(passfile_path);
    let database = site.spec.database.as_deref().unwrap_or(MAINTENANCE_DATABASE);
    let mut command = site.command(site.installation.path.join("psql")).arguments([
        "--no-psqlrc".to_owned(),
        "--quiet".to_owned(),
        "--no-password".to_owned(),
        "--set=ON_ERROR_STOP=1".to_owned(),
        format!("--host={}", site.spec.address()),
        format!("--port={}", site.spec.port),
        format!("--username={SUPERUSER}"),
        format!("--dbname={database}"),
        // As a file, so that an error comes with its line.
        "--file=-".to_owned(),
        "--output=/dev/null".to_owned(),
    ]);
    command.environment.push(("PGPASSFILE".into(), passfile.as_os_string()));
    command.environment.push(("PGOPTIONS".into(), options(site, variables)?.into()));
    command.input = script.as_bytes().to_vec();
    site.run(command, SCRIPT_WITHIN).await.map(drop)
}

/// The variables as server options. Spaces and backslashes are escaped as libpq asks for.
fn options(site: &Site, variables: &BTreeMap<String, String>) -> Result<String, EngineError> {
    let mut options = Vec::new();
    for (name, value) in variables {
        site.check_setting(name, value, &[])?;
        let mut escaped = String::new();
        for letter in value.chars() {
            if letter.is_whitespace() || letter == '\\' {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        options.push(format!("-c standfast.{name}={escaped}"));
    }
    Ok(options.join(" "))
}
