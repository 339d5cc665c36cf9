//! `pause`: SIGSTOP to the process and all that it started. Connections stay open, new ones are
//! taken by the kernel, and nobody answers: the failure that timeouts are for.

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(FaultKind::Pause, target, "it is not running"));
    };
    unit.pause().await.map_err(FaultError::failed(FaultKind::Pause, target))?;
    if !child.is_stopped() {
        let why = "some of its processes still run";
        return Err(FaultError::no_effect(FaultKind::Pause, target, why));
    }
    let count = child.descendants().len() + 1;
    let processes = if count == 1 { "process is" } else { "processes are" };
    Ok(Evidence::now(Some(child.pid()), format!("{count} {processes} stopped")))
}
