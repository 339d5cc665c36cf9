//! The data folder of an empty server, made once by `initdb` and copied ever after.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::configuration::{CONFIGURATION_FILE, SUPERUSER};
use super::create::single_user;
use crate::engine::{self, EngineError, Site, TemporaryFile};
use crate::home::Home;
use crate::secrets::Secrets;

/// initdb takes a second here; a slow disk may take ten times that.
const INITDB_WITHIN: Duration = Duration::from_secs(120);

/// Checksums, because corruption must not pass for an answer. Locale C sorts the same everywhere.
const INITDB_OPTIONS: [&str; 7] = [
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--username=standfast",
    "--no-instructions",
    // The default of 16 MB would make up half of the template.
    "--wal-segsize=4",
];

/// Nobody but its owner makes anything in `public`; from version 15 on this is so anyway.
const TEMPLATE_SQL: [&str; 1] = ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"];

/// The template for this version of the server, made now if it is not there yet.
pub(super) async fn template(site: &Site, home: &Home) -> Result<PathBuf, EngineError> {
    let mut ingredients = Sha256::new();
    for part in INITDB_OPTIONS.iter().chain(&TEMPLATE_SQL) {
        ingredients.update(part.as_bytes());
        ingredients.update([0]);
    }
    engine::template(site, home, ingredients, |folder| async move { build(site, &folder).await })
        .await
}

async fn build(site: &Site, folder: &Path) -> Result<(), EngineError> {
    // Nobody will ever log in with it: whoever copies the template sets another one.
    let passfile = TemporaryFile(folder.with_extension("password"));
    site.write(&passfile.0, &Secrets::generate().superuser)?;
    let mut command = site.command(site.installation.path.join("initdb")).arguments(INITDB_OPTIONS);
    for (option, value) in [("--pwfile", &passfile.0), ("--pgdata", &folder.to_owned())] {
        command = command.arguments([option.into(), value.clone().into_os_string()]);
    }
    site.run(command, INITDB_WITHIN).await?;
    drop(passfile);

    let configuration = folder.join("postgresql.conf");
    let mut text = fs::read_to_string(&configuration)
        .map_err(|source| site.io("read", &configuration, source))?;
    text.push_str(&format!("include '{CONFIGURATION_FILE}'\n"));
    site.write(&configuration, &text)?;
    site.write(&folder.join(CONFIGURATION_FILE), "")?;
    debug_assert!(INITDB_OPTIONS.iter().any(|option| option.ends_with(SUPERUSER)));
    single_user(site, folder, "template1", &TEMPLATE_SQL.map(str::to_owned)).await
}
