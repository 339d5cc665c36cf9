//! A new engine's folder: the template with this instance's roles, and a replica with all that its
//! primary has.

use std::ffi::OsString;

use super::session::Session;
use super::workshop::Workshop;
use super::{configuration, dump, roles, template};
use crate::copy_tree::copy_tree;
use crate::engine::{EngineError, Site, TemporaryFile, Upstream, remove_folder};
use crate::home::Home;

/// Makes the engine's folder. A replica needs its primary to be running.
pub(crate) async fn create(site: &Site, home: &Home) -> Result<(), EngineError> {
    site.make_parent(&site.spec.data)?;
    let template = template::template(site, home).await?;
    let data = site.spec.data.clone();
    tokio::task::spawn_blocking(move || copy_tree(&template, &data))
        .await
        .expect("a copy cannot panic")?;
    let filled = fill(site, site.spec.replica_of.as_ref()).await;
    if filled.is_err() {
        // Half of an engine must not be taken for one at the next start.
        remove_folder(&site.spec.data)
            .map_err(|source| site.io("remove", &site.spec.data, source))?;
    }
    filled
}

/// Gives a server without a history its roles, and the database or all that `from` has. It does not
/// run afterwards.
pub(super) async fn fill(site: &Site, from: Option<&Upstream>) -> Result<(), EngineError> {
    configuration::write(site)?;
    let script = TemporaryFile(site.spec.data.join("roles.sql"));
    site.write(&script.0, &roles::statements(site)?)?;
    let mut option = OsString::from("--init-file=");
    option.push(script.as_os_string());
    let workshop = Workshop::open(site, [option]).await?;
    drop(script);
    let mut session = Session::open(site).await?;
    match from {
        Some(upstream) => dump::copy_primary(site, upstream, &mut session).await?,
        None => begin_history(site, &mut session).await?,
    }
    drop(session);
    workshop.close().await
}

/// The database is there before the history begins: whoever replicates copies it.
async fn begin_history(site: &Site, session: &mut Session) -> Result<(), EngineError> {
    if let Some(database) = &site.spec.database {
        roles::check_name(site, database)?;
        session.run(site, &format!("CREATE DATABASE `{database}`")).await?;
    }
    session.run(site, "RESET MASTER").await
}
