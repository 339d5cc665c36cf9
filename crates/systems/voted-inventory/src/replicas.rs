//! Which replicas there are: voter and monitor must mean the same by a name.

use crate::serve::ServeError;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// `INVENTORY_URLS`, and the names by which monitor and lab know them: `INVENTORY_NAMES`, or
/// `inventory-1` and so on.
pub(super) fn replicas(
    environment: &Environment<'_>,
) -> Result<Vec<(String, PeerAddress)>, ServeError> {
    let addresses = environment.required_by("INVENTORY_URLS", PeerAddress::parse_list)?;
    let names: Vec<String> = match environment.get("INVENTORY_NAMES") {
        Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        None => (1..=addresses.len()).map(|number| format!("inventory-{number}")).collect(),
    };
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() != addresses.len() || distinct.iter().any(String::is_empty) {
        let problem = "must have a name of its own for each URL";
        return Err(ServeError::variable("INVENTORY_NAMES", problem));
    }
    Ok(names.into_iter().zip(addresses).collect())
}
