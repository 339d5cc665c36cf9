//! A replica: a base backup of its primary, which keeps its log for it in a slot.

use std::time::Duration;

use super::configuration::{REPLICATOR, passfile};
use super::session::{Session, answer_in_time};
use crate::engine::{EngineError, Site, TemporaryFile, Upstream, remove_folder};

/// A gigabyte over loopback takes seconds; this is for a machine that is busy with other things.
const BASE_BACKUP_WITHIN: Duration = Duration::from_secs(600);

/// Fills the data folder from the primary, which must be running.
pub(super) async fn copy(site: &Site, upstream: &Upstream) -> Result<(), EngineError> {
    make_slot(site, upstream).await?;
    site.make_data_folder()?;
    let passfile_path = site.spec.data.with_extension("pgpass");
    site.write(&passfile_path, &passfile(REPLICATOR, &site.spec.secrets.replicator))?;
    let passfile = TemporaryFile(passfile_path);

    let program = site.installation.path.join("pg_basebackup");
    let mut command = site.command(program).arguments([
        format!("--host={}", upstream.host),
        format!("--port={}", upstream.port),
        format!("--username={REPLICATOR}"),
        format!("--slot={}", upstream.slot),
        "--no-password".to_owned(),
        "--wal-method=stream".to_owned(),
        // Waiting for the primary's next checkpoint could take minutes.
        "--checkpoint=fast".to_owned(),
        // What a lost machine takes along is made again; the server itself syncs all it writes.
        "--no-sync".to_owned(),
    ]);
    command = command.arguments(["--pgdata".into(), site.spec.data.clone().into_os_string()]);
    command.environment.push(("PGPASSFILE".into(), passfile.as_os_string()));
    let copied = site.run(command, BASE_BACKUP_WITHIN).await;
    if copied.is_err() {
        // Half a copy must not be taken for a replica at the next start.
        remove_folder(&site.spec.data)
            .map_err(|source| site.io("remove", &site.spec.data, source))?;
    }
    copied.map(drop)
}

/// Makes the slot unless it is there, and has it keep the log from now on.
pub(super) async fn make_slot(site: &Site, upstream: &Upstream) -> Result<(), EngineError> {
    let primary = Session::open_at(site, &upstream.host, upstream.port).await?;
    let statement = "SELECT pg_create_physical_replication_slot($1, true) \
         WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)";
    // The function wants the type `name`, which the client would have to be told about.
    let statement = statement.replace("$1", "($1::text)::name");
    answer_in_time(site, primary.client.execute(&statement, &[&upstream.slot])).await.map(drop)
}
