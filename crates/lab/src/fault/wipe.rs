//! `wipe`: a service is killed and loses all that it kept in its data folder, as when its machine
//! is replaced. It is in effect when the folder is empty; its keeper starts it from nothing.

use super::effect::{Evidence, verify_gone};
use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

pub(super) async fn inject(target: &str, unit: &mut Unit) -> Result<Evidence, FaultError> {
    let Some(child) = unit.child() else {
        return Err(FaultError::no_effect(FaultKind::Wipe, target, "it is not running"));
    };
    if unit.kept().map_err(FaultError::failed(FaultKind::Wipe, target))? == 0 {
        let why = "it keeps nothing in its data folder, so losing that shows nothing";
        return Err(FaultError::no_effect(FaultKind::Wipe, target, why));
    }
    unit.kill().await.map_err(FaultError::failed(FaultKind::Wipe, target))?;
    let gone = verify_gone(FaultKind::Wipe, target, unit, &child).await?;
    let lost = unit.wipe().map_err(FaultError::failed(FaultKind::Wipe, target))?;
    let files = if lost == 1 { "file" } else { "files" };
    Ok(Evidence::now(gone.pid, format!("{}, {lost} {files} lost", gone.text)))
}
