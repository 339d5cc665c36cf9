//! `restart`: an orderly end and a start right after it, as in every deployment. It is in effect
//! when the old process is gone; its keeper starts the new one.

use super::effect::{Evidence, verify_gone};
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(FaultKind::Restart, target, "it is not running"));
    };
    unit.stop().await.map_err(FaultError::failed(FaultKind::Restart, target))?;
    verify_gone(FaultKind::Restart, target, unit, &child).await
}
