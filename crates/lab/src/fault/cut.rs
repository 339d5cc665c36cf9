//! `cut`: nothing passes a link any more, as when a cable is pulled: no data, no end and no reset
//! of a connection. New connections are taken and hang. What was under way flows on afterwards.
//! In one direction only, it is a one-way partition: one side is heard and hears nothing.

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
    let way = fault.direction.map_or_else(String::new, |direction| format!(" {direction}"));
    let text = format!("{links} cut{way}, {connections} silent");
    Ok((Evidence::now(None, text), broken))
}
