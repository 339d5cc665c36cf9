//! The toxics of one proxy: added, changed and removed, each as a new pair of chains.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::declaration::ToxicChange;
use super::error::ProxyError;
use crate::link::{Installed, Tally};
use crate::plane::Chains;
use crate::toxic::{Direction, Toxic};

/// Tells toxics apart that have the same name one after the other.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The chains of a proxy that is made with these toxics.
pub(super) fn chains_of(toxics: &[Toxic]) -> Result<Chains, ProxyError> {
    let mut chains = Chains::default();
    for toxic in toxics {
        add(&mut chains, toxic.clone())?;
    }
    Ok(chains)
}

/// Adds a toxic to the end of its direction.
pub(super) fn add(chains: &mut Chains, toxic: Toxic) -> Result<Arc<Installed>, ProxyError> {
    if find(chains, &toxic.name).is_ok() {
        return Err(ProxyError::ToxicAlreadyExists);
    }
    let direction = toxic.stream.direction();
    let installed = Arc::new(Installed {
        toxic,
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        revision: 0,
        since: Instant::now(),
        tally: Arc::new(Tally::default()),
    });
    chains.of_mut(direction).toxics.push(Arc::clone(&installed));
    Ok(installed)
}

pub(super) fn find<'a>(chains: &'a Chains, name: &str) -> Result<&'a Arc<Installed>, ProxyError> {
    let mut all = Direction::ALL.into_iter().flat_map(|direction| &chains.of(direction).toxics);
    all.find(|installed| installed.toxic.name == name).ok_or(ProxyError::ToxicNotFound)
}

/// Changes a toxic in its place.
pub(super) fn change(
    chains: &mut Chains,
    name: &str,
    change: ToxicChange,
) -> Result<Arc<Installed>, ProxyError> {
    let mut installed = Installed::clone(find(chains, name)?);
    let toxic = &mut installed.toxic;
    if let Some(kind) = change.kind {
        let (is, wanted) = (toxic.kind.name(), kind.name());
        if is != wanted {
            return Err(ProxyError::OtherType { toxic: name.to_owned(), is, wanted });
        }
        toxic.kind = kind;
    }
    toxic.toxicity = change.toxicity.unwrap_or(toxic.toxicity);
    toxic.client = change.client.unwrap_or(toxic.client);
    if let Some(schedule) = change.schedule {
        toxic.schedule = schedule;
        installed.since = Instant::now();
    }
    installed.revision = installed.revision.wrapping_add(1);
    let installed = Arc::new(installed);
    let chain = chains.of_mut(installed.toxic.stream.direction());
    for place in &mut chain.toxics {
        if place.id == installed.id {
            *place = Arc::clone(&installed);
        }
    }
    Ok(installed)
}

/// Takes a toxic out.
pub(super) fn remove(chains: &mut Chains, name: &str) -> Result<Arc<Installed>, ProxyError> {
    let removed = Arc::clone(find(chains, name)?);
    let chain = chains.of_mut(removed.toxic.stream.direction());
    chain.toxics.retain(|installed| installed.id != removed.id);
    Ok(removed)
}
