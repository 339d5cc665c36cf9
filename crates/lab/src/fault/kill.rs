//! `kill`: SIGKILL to the process and all that it started, as when a machine loses power.

use super::effect::{Evidence, verify_gone};
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(FaultKind::Kill, target, "it is not running"));
    };
    unit.kill().await.map_err(FaultError::failed(FaultKind::Kill, target))?;
    verify_gone(FaultKind::Kill, target, unit, &child).await
}
