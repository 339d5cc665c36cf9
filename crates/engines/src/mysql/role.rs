//! The role of a server in a cluster whose members take turns, as its folder tells it.
//!
//! A promotion is done by SQL, which nobody tells this file. What the server itself knows goes
//! before it: one that has forgotten its primary was promoted.

use std::fs;
use std::io;

use crate::engine::{EngineError, Peer, Site, StoredRole};

/// In the engine's folder.
const ROLE_FILE: &str = "role";

/// What a start shall do about the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Primary,
    /// A replica of nobody.
    Fenced,
    /// Shall be a replica of that engine, which its server has not been told yet.
    ToFollow(String),
    /// Is a replica of that engine, unless it was promoted meanwhile.
    Follows(String),
}

/// What is written; what the engine begins as, when nothing is.
pub(super) fn read(site: &Site) -> Result<Standing, EngineError> {
    let path = site.spec.data.join(ROLE_FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(first(site)),
        read => read.map_err(|source| site.io("read", &path, source))?,
    };
    let mut words = text.split_whitespace();
    Ok(match (words.next(), words.next()) {
        (Some("primary"), None) => Standing::Primary,
        (Some("follow"), Some(name)) => Standing::ToFollow(name.to_owned()),
        (Some("follows"), Some(name)) => Standing::Follows(name.to_owned()),
        // Whatever cannot be understood must not take a write.
        _ => Standing::Fenced,
    })
}

/// What an engine that takes turns with others begins as: its folder may have been made, or copied,
/// for one that does not.
fn first(site: &Site) -> Standing {
    let Some(upstream) = &site.spec.replica_of else { return Standing::Primary };
    let peers = &site.spec.peers;
    let is_primary = |peer: &&Peer| {
        peer.address.port() == upstream.port && peer.address.ip().to_string() == upstream.host
    };
    // Behind a proxy its address is another one; of two engines the other is meant.
    let primary = peers.iter().find(is_primary).or(peers.first());
    primary.map_or(Standing::Fenced, |primary| Standing::ToFollow(primary.name.clone()))
}

/// Writes it so that it survives the machine.
pub(super) fn write(site: &Site, standing: &Standing) -> Result<(), EngineError> {
    let text = match standing {
        Standing::Primary => "primary\n".to_owned(),
        Standing::Fenced => "fenced\n".to_owned(),
        Standing::ToFollow(name) => format!("follow {name}\n"),
        Standing::Follows(name) => format!("follows {name}\n"),
    };
    site.write_durably(&site.spec.data.join(ROLE_FILE), &text)
}

/// What its folder says that it is.
pub(crate) fn stored_role(site: &Site) -> Result<StoredRole, EngineError> {
    Ok(match read(site)? {
        Standing::Primary => StoredRole::Primary,
        Standing::Fenced => StoredRole::Replica { follows: None },
        Standing::ToFollow(name) | Standing::Follows(name) => {
            StoredRole::Replica { follows: Some(name) }
        }
    })
}

pub(crate) fn mark_fenced(site: &Site) -> Result<(), EngineError> {
    write(site, &Standing::Fenced)
}

/// The server has been told so.
pub(crate) fn mark_following(site: &Site, primary: &str) -> Result<(), EngineError> {
    write(site, &Standing::Follows(primary.to_owned()))
}

pub(crate) fn mark_primary(site: &Site) -> Result<(), EngineError> {
    write(site, &Standing::Primary)
}

pub(crate) fn mark_replica(site: &Site, primary: &str) -> Result<(), EngineError> {
    write(site, &Standing::ToFollow(primary.to_owned()))
}
