//! `partition`: the system falls apart into two sides that cannot reach each other. Every link
//! that crosses the border is cut, whoever connected; within a side all goes on.

use standfast_faultproxy::toxic::{Down, ToxicKind};

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::Fault;
use super::links::{BrokenLinks, Links};

pub(super) async fn inject(
    fault: &Fault,
    links: Links,
) -> Result<(Evidence, BrokenLinks), FaultError> {
    let broken = links.put(fault, ToxicKind::Down(Down::default())).await?;
    let (links, connections) = broken.extent();
    let text = format!("{links} between both sides cut, {connections} silent");
    Ok((Evidence::now(None, text), broken))
}
