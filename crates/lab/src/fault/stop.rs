//! `stop`: the process is asked to end and stays away, as after a clean shutdown of its machine.

use super::effect::{Evidence, verify_gone};
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(FaultKind::Stop, target, "it is not running"));
    };
    unit.stop().await.map_err(FaultError::failed(FaultKind::Stop, target))?;
    verify_gone(FaultKind::Stop, target, unit, &child).await
}
