//! An old primary becomes a replica: what it alone has is taken back by `pg_rewind`, or all of its
//! data is made again.

use std::fs;
use std::io;
use std::time::Duration;

use super::configuration::{self, MAINTENANCE_DATABASE, SUPERUSER, passfile};
use super::session::{Session, answer_within};
use super::{replica, role};
use crate::engine::{EngineError, Rejoined, Site, TemporaryFile, Upstream, remove_folder};
use crate::process::Finished;

/// Half a gigabyte of dirty pages on a slow disk.
const CHECKPOINT_WITHIN: Duration = Duration::from_secs(60);

/// Crash recovery of the old primary, and a copy of what differs.
const REWIND_WITHIN: Duration = Duration::from_secs(300);

/// What it says when there was nothing to take back.
const NOTHING_TO_DO: &str = "no rewind required";

/// Where the slots lie, in which a server keeps its log for others.
const SLOTS: &str = "pg_replslot";

/// Takes back what the server has and its new primary has not, so that its next start is one of a
/// replica. It must not run.
pub(crate) async fn rewind(
    site: &Site,
    primary: &str,
    upstream: &Upstream,
) -> Result<Rejoined, EngineError> {
    checkpoint(site, upstream).await?;
    // It recovers in single-user mode, which a replica cannot do. Should anybody start the server
    // meanwhile, it lets nobody in.
    configuration::write_closed(site)?;
    role::remove_signal(site)?;
    let finished = run(site, upstream).await;
    // Whatever became of it, no start may take a write.
    role::write_signal(site)?;
    let finished = finished?;
    forget_slots(site)?;
    replica::make_slot(site, upstream).await?;
    role::mark_replica(site, primary)?;
    let said = [finished.stdout, finished.stderr].concat();
    match String::from_utf8_lossy(&said).contains(NOTHING_TO_DO) {
        true => Ok(Rejoined::Replayed),
        false => Ok(Rejoined::Rewound),
    }
}

/// Moves the data aside and copies that of the new primary. The server must not run.
pub(crate) async fn clone(
    site: &Site,
    primary: &str,
    upstream: &Upstream,
) -> Result<Rejoined, EngineError> {
    // Before anything is moved: a primary that is gone has nothing to copy.
    replica::make_slot(site, upstream).await?;
    let (data, aside) = (&site.spec.data, role::diverged_folder(&site.spec.data));
    let had_data = data.is_dir();
    if had_data {
        // The data of the time before is of no use to anybody any more.
        remove_folder(&aside).map_err(|source| site.io("remove", &aside, source))?;
        fs::rename(data, &aside).map_err(|source| site.io("move aside", data, source))?;
    }
    if let Err(why) = replica::copy(site, upstream).await {
        if had_data {
            fs::rename(&aside, data).map_err(|source| site.io("move back", &aside, source))?;
        }
        return Err(why);
    }
    role::mark_replica(site, primary)?;
    Ok(Rejoined::Cloned)
}

/// A server that was promoted a moment ago still calls itself one of the old timeline on the disk,
/// and the two would look alike.
async fn checkpoint(site: &Site, upstream: &Upstream) -> Result<(), EngineError> {
    let session = Session::open_at(site, &upstream.host, upstream.port).await?;
    let checkpoint = session.client.batch_execute("CHECKPOINT");
    answer_within(site, CHECKPOINT_WITHIN, checkpoint).await
}

async fn run(site: &Site, upstream: &Upstream) -> Result<Finished, EngineError> {
    let passfile_path = site.spec.data.with_extension("rewind-pgpass");
    site.write(&passfile_path, &passfile(SUPERUSER, &site.spec.secrets.superuser))?;
    let passfile = TemporaryFile(passfile_path);
    let source = format!(
        "--source-server=host={} port={} user={SUPERUSER} dbname={MAINTENANCE_DATABASE} \
         connect_timeout=5",
        upstream.host, upstream.port
    );
    let program = site.installation.path.join("pg_rewind");
    let mut command = site.command(program).arguments([source]);
    command =
        command.arguments(["--target-pgdata".into(), site.spec.data.clone().into_os_string()]);
    command.environment.push(("PGPASSFILE".into(), passfile.as_os_string()));
    site.run(command, REWIND_WITHIN).await
}

/// A slot of the time as primary would hold log back for ever, for a server that no longer asks.
fn forget_slots(site: &Site) -> Result<(), EngineError> {
    let folder = site.spec.data.join(SLOTS);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(site.io("read", &folder, error)),
    };
    for slot in entries.flatten().map(|entry| entry.path()) {
        remove_folder(&slot).map_err(|source| site.io("remove", &slot, source))?;
    }
    Ok(())
}
