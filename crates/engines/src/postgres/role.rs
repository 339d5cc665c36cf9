//! Who a server of a cluster is whose members take turns: `standby.signal` in its data folder says
//! that it is a replica, a file beside the folder whom it follows.
//!
//! What belongs to the node lies beside its data folder, not in it: `pg_rewind` and a base backup
//! bring all that is in the folder of the other server.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use super::{configuration, replica};
use crate::engine::{EngineError, Site, StoredRole, Upstream, remove_folder};

/// PostgreSQL's own mark of a replica, which it takes away when it is promoted.
const STANDBY_SIGNAL: &str = "standby.signal";

/// The name of the peer to follow; empty for nobody.
const FOLLOWS: &str = "follows";

/// The folder of the node, beside its data.
pub(crate) fn node_folder(data: &Path) -> PathBuf {
    data.with_extension("node")
}

/// Deletes what lies beside a data folder.
pub(crate) fn remove_node(data: &Path) -> io::Result<()> {
    remove_folder(&node_folder(data))?;
    remove_folder(&diverged_folder(data))
}

/// Data that was moved aside for a copy of the primary's.
pub(super) fn diverged_folder(data: &Path) -> PathBuf {
    data.with_extension("diverged")
}

pub(crate) fn stored_role(site: &Site) -> Result<StoredRole, EngineError> {
    if !is_standby(site) {
        return Ok(StoredRole::Primary);
    }
    // Nobody has decided yet, so it is what it was made as.
    let follows = follows(site)?.or_else(|| first_primary(site));
    Ok(StoredRole::Replica { follows: follows.filter(|name| !name.is_empty()) })
}

/// The peer of which it was made as a replica.
fn first_primary(site: &Site) -> Option<String> {
    let first = site.spec.replica_of.as_ref()?;
    let is_first = |address: &SocketAddrV4| {
        (address.ip().to_string(), address.port()) == (first.host.clone(), first.port)
    };
    let peer = site.spec.peers.iter().find(|peer| is_first(&peer.address))?;
    Some(peer.name.clone())
}

/// Whom the server streams from if it is a replica.
pub(super) fn upstream(site: &Site) -> Result<Option<Upstream>, EngineError> {
    if !site.spec.is_managed() {
        return Ok(site.spec.replica_of.clone());
    }
    // It tells its server itself.
    if site.spec.agent.is_some() {
        return Ok(None);
    }
    // Nobody has decided yet.
    let Some(name) = follows(site)? else { return Ok(site.spec.replica_of.clone()) };
    // Ports move, so only the name is kept.
    let peer = site.spec.peers.iter().find(|peer| peer.name == name);
    Ok(peer.map(|peer| Upstream {
        host: peer.address.ip().to_string(),
        port: peer.address.port(),
        slot: site.spec.slot(),
    }))
}

/// Whether the data folder is one of a replica.
pub(super) fn is_standby(site: &Site) -> bool {
    site.spec.data.join(STANDBY_SIGNAL).exists()
}

pub(crate) fn mark_fenced(site: &Site) -> Result<(), EngineError> {
    write_signal(site)?;
    follow(site, "")?;
    configuration::write(site)
}

pub(crate) fn mark_primary(site: &Site) -> Result<(), EngineError> {
    remove_signal(site)?;
    configuration::write(site)
}

pub(crate) fn mark_replica(site: &Site, primary: &str) -> Result<(), EngineError> {
    write_signal(site)?;
    follow(site, primary)?;
    configuration::write(site)
}

/// Tells a running replica's folder whom it follows from now on; the server has to read it again.
pub(crate) async fn follow_from_now(
    site: &Site,
    primary: &str,
    upstream: &Upstream,
) -> Result<(), EngineError> {
    replica::make_slot(site, upstream).await?;
    follow(site, primary)?;
    configuration::write(site)
}

/// Writes the mark of a replica, on the disk.
pub(super) fn write_signal(site: &Site) -> Result<(), EngineError> {
    site.write_durably(&site.spec.data.join(STANDBY_SIGNAL), "")
}

/// Takes the mark of a replica away, on the disk.
pub(super) fn remove_signal(site: &Site) -> Result<(), EngineError> {
    let signal = site.spec.data.join(STANDBY_SIGNAL);
    match fs::remove_file(&signal) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(site.io("remove", &signal, error))
        }
        Ok(()) | Err(_) => site.sync(&site.spec.data),
    }
}

fn follow(site: &Site, primary: &str) -> Result<(), EngineError> {
    make_node_folder(site)?;
    site.write(&node_folder(&site.spec.data).join(FOLLOWS), primary)
}

fn follows(site: &Site) -> Result<Option<String>, EngineError> {
    let path = node_folder(&site.spec.data).join(FOLLOWS);
    match fs::read_to_string(&path) {
        Ok(name) => Ok(Some(name.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(site.io("read", &path, error)),
    }
}

pub(super) fn make_node_folder(site: &Site) -> Result<(), EngineError> {
    let folder = node_folder(&site.spec.data);
    if folder.is_dir() { Ok(()) } else { site.make_private_folder(&folder) }
}
