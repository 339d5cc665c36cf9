//! Data folders that are made once and copied ever after: it takes a server seconds to make one.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::error::EngineError;
use super::site::{Site, remove_folder};
use crate::home::Home;

/// The template of this engine, made now by `build` in an empty folder if it is not there yet.
/// `ingredients` has taken in all that it depends on, beside the server's version and user.
///
/// Two that need it at the same time do not make it twice: the second one waits for a file lock,
/// which ends with its holder. The folder gets its name when it is complete.
pub(crate) async fn template<F>(
    site: &Site,
    home: &Home,
    ingredients: Sha256,
    build: impl FnOnce(PathBuf) -> F,
) -> Result<PathBuf, EngineError>
where
    F: Future<Output = Result<(), EngineError>>,
{
    home.prepare()?;
    let template = home.templates().join(name(site, ingredients));
    if template.is_dir() {
        return Ok(template);
    }
    let _lock = site.lock(template.with_extension("lock")).await?;
    if template.is_dir() {
        return Ok(template);
    }
    let unfinished = template.with_extension("unfinished");
    // Only a builder that was killed leaves one, as we hold the lock.
    remove_folder(&unfinished).map_err(|source| site.io("remove", &unfinished, source))?;
    site.make_private_folder(&unfinished)?;
    build(unfinished.clone()).await?;
    fs::rename(&unfinished, &template).map_err(|source| site.io("rename", &unfinished, source))?;
    tracing::info!(template = %template.display(), "made a template");
    Ok(template)
}

/// Names everything that the template depends on.
fn name(site: &Site, ingredients: Sha256) -> String {
    let user = site.user.as_ref().map_or(nix::unistd::getuid().as_raw(), |user| user.uid);
    let hash: String =
        ingredients.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    // An extension is set on it, so it must not end in something that looks like one.
    let (kind, version) = (site.spec.kind, site.installation.version.replace('.', "-"));
    format!("{kind}-{version}-{user}-{hash}")
}
