//! Following a primary: by GTID, from wherever the replica is.

use std::collections::BTreeMap;

use super::configuration::{REPLICATOR, replicator_password};
use super::dialect::Dialect;
use super::role::{self, Standing};
use super::session::Session;
use crate::engine::{EngineError, Site, Upstream};

/// A replica that takes everything to the disk at every commit is slower than its primary, which
/// does so for several clients at once. What it has written survives its process; that of a machine
/// that fails is brought by its primary again. Who promotes it sets both to 1 before.
const CARELESS: &str = "SET GLOBAL innodb_flush_log_at_trx_commit = 2, GLOBAL sync_binlog = 0";

/// What the server tells of its replication; `None` when it has no primary.
pub(super) async fn status(
    site: &Site,
    session: &mut Session,
) -> Result<Option<BTreeMap<String, String>>, EngineError> {
    session.named(site, Dialect::of(site).replica_status()).await
}

/// Makes the running server follow `upstream`, whomever it followed before.
pub(crate) async fn follow(site: &Site, upstream: &Upstream) -> Result<(), EngineError> {
    let dialect = Dialect::of(site);
    let mut session = Session::open(site).await?;
    session.run(site, dialect.stop_replication()).await?;
    let Upstream { host, port, .. } = upstream;
    let password = replicator_password(site);
    session.run(site, &dialect.change_primary(host, *port, REPLICATOR, password)).await?;
    if site.spec.is_managed() {
        session.run(site, CARELESS).await?;
    }
    session.run(site, dialect.start_replication()).await
}

/// After a start: follows whom its declaration or its folder says. Where the primary is may have
/// changed since, as ports do.
pub(crate) async fn follow_as_declared(site: &Site) -> Result<(), EngineError> {
    if !site.spec.is_managed() {
        return match &site.spec.replica_of {
            Some(upstream) => follow(site, upstream).await,
            None => Ok(()),
        };
    }
    let (name, was_told) = match role::read(site)? {
        Standing::Primary | Standing::Fenced => return Ok(()),
        Standing::ToFollow(name) => (name, false),
        Standing::Follows(name) => (name, true),
    };
    let mut session = Session::open(site).await?;
    if was_told && status(site, &mut session).await?.is_none() {
        // It has been promoted by whoever decides that.
        return role::write(site, &Standing::Primary);
    }
    drop(session);
    follow(site, &site.spec.upstream(&name)?).await?;
    role::write(site, &Standing::Follows(name))
}
