//! `disk_full`: no process of the server may write into a file any more. PostgreSQL refuses what
//! extends a table as on a full volume, reads on as long as it can, and ends itself when it cannot
//! write its log; one that has ended is started again when the fault is healed.

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let kind = FaultKind::DiskFull;
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(kind, target, "it is not running"));
    };
    let count = unit.fill_disk().await.map_err(FaultError::failed(kind, target))?;
    let processes = if count == 1 { "process has" } else { "processes have" };
    Ok(Evidence::now(Some(child.pid()), format!("{count} {processes} no room for any file")))
}
