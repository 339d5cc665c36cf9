//! The data folder of an empty server, made once by its own program and copied ever after.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::configuration::{configuration_file, files_folder, make_temporary_folder, render};
use super::dialect::{Dialect, base_folder};
use crate::engine::{self, EngineError, Site};
use crate::home::Home;

/// MySQL takes three seconds here, MariaDB less than one; a slow disk may take ten times that.
const INITIALISE_WITHIN: Duration = Duration::from_secs(120);

/// Counts changes of what this file does: templates of other versions are not used.
const FORMAT: u32 = 2;

/// MariaDB's own program for it, and how it may be called where it was renamed.
const INSTALLER: &str = "mariadb-install-db";

/// The template for this version of the server, made now if it is not there yet. Settings may
/// change how files are laid out, the names of the tables on a disk for one.
pub(super) async fn template(site: &Site, home: &Home) -> Result<PathBuf, EngineError> {
    let mut ingredients = Sha256::new();
    ingredients.update(FORMAT.to_be_bytes());
    for (key, value) in &site.spec.settings {
        ingredients.update(format!("{key}={value}\n"));
    }
    for (key, value) in Dialect::of(site).settings() {
        ingredients.update(format!("{key}={value}\n"));
    }
    engine::template(
        site,
        home,
        ingredients,
        |folder| async move { initialise(site, &folder).await },
    )
    .await
}

/// Makes the server's files in `folder`, which is there and has none yet.
pub(super) async fn initialise(site: &Site, folder: &Path) -> Result<(), EngineError> {
    let configuration = configuration_file(folder);
    site.write(&configuration, &render(site, folder))?;
    site.make_private_folder(&files_folder(folder))?;
    make_temporary_folder(site, folder)?;
    let defaults = format!("--defaults-file={}", configuration.display());
    let program = &site.installation.path;
    let command = match Dialect::of(site) {
        Dialect::Mariadb => site.command(installer(program)).arguments([
            defaults,
            format!("--basedir={}", base_folder(program).display()),
            // A role without a password until the first start replaces it, which is before the
            // first connection.
            "--auth-root-authentication-method=normal".to_owned(),
            "--skip-test-db".to_owned(),
            "--skip-name-resolve".to_owned(),
        ]),
        Dialect::Mysql => {
            site.command(program.clone()).arguments([defaults, "--initialize-insecure".to_owned()])
        }
    };
    site.run(command, INITIALISE_WITHIN).await?;
    forget_identity(site, folder)
}

/// Beside the server, or where programs for everybody are.
fn installer(program: &Path) -> PathBuf {
    let folders = [base_folder(program).join("bin"), base_folder(program).join("scripts")];
    let found = folders.iter().map(|folder| folder.join(INSTALLER)).find(|path| path.is_file());
    found.unwrap_or_else(|| folders[0].join(INSTALLER))
}

/// Takes away what must be another one in every copy: the server makes them when they are missing.
fn forget_identity(site: &Site, folder: &Path) -> Result<(), EngineError> {
    let files = files_folder(folder);
    let entries = fs::read_dir(&files).map_err(|source| site.io("read", &files, source))?;
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let is_key = path.extension().is_some_and(|extension| extension == "pem");
        let is_log = name.to_string_lossy().starts_with("binlog.");
        if name == "auto.cnf" || is_key || is_log {
            fs::remove_file(&path).map_err(|source| site.io("remove", &path, source))?;
        }
    }
    Ok(())
}
