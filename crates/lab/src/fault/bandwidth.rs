//! `bandwidth`: a link carries only so much, as when somebody else fills it. Short messages pass
//! as before, and long ones make those behind them wait.

use standfast_faultproxy::toxic::{Bandwidth, ToxicKind};

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::Fault;
use super::links::{BrokenLinks, Links};
use super::parameters::Objection;

pub(super) async fn inject(
    fault: &Fault,
    links: Links,
) -> Result<(Evidence, BrokenLinks), FaultError> {
    let Some(rate) = fault.rate else {
        return Err(Objection::new("bandwidth needs `rate`").into());
    };
    let toxic = Bandwidth { rate: i64::from(rate.kb_per_s) };
    let broken = links.put(fault, ToxicKind::Bandwidth(toxic)).await?;
    let (links, connections) = broken.extent();
    let text = format!("{links} narrowed to {}, {connections} on them", fault.parameters());
    Ok((Evidence::now(None, text), broken))
}
