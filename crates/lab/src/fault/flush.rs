//! `flush`: a cache loses all that it holds, as after a restart of one that keeps nothing on disk.

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let keys = unit.flush().await.map_err(FaultError::failed(FaultKind::Flush, target))?;
    if keys == 0 {
        let why = "it held no keys, so losing them shows nothing";
        return Err(FaultError::no_effect(FaultKind::Flush, target, why));
    }
    let pid = unit.child().map(|child| child.pid());
    Ok(Evidence::now(pid, format!("{keys} keys are gone")))
}
