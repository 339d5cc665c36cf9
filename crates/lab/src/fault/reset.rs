//! `reset`: every open connection of a link ends with a reset (RST), as when a firewall forgets
//! its connections or a peer comes back without its memory. While it is held, new connections are
//! reset as well, when the first byte is sent on them.

use standfast_faultproxy::toxic::{ResetPeer, ToxicKind};

use super::effect::Evidence;
use super::error::FaultError;
use super::injected::Hold;
use super::kind::Fault;
use super::links::{BrokenLinks, Links, count};

pub(super) async fn inject(
    fault: &Fault,
    hold: Hold,
    links: Links,
) -> Result<(Evidence, BrokenLinks), FaultError> {
    let is_held = hold == Hold::UntilHealed;
    let mut broken = match is_held {
        true => links.put(fault, ToxicKind::ResetPeer(ResetPeer { timeout: 0 })).await?,
        false => links.hold(fault),
    };
    broken.reset()?;
    if !is_held && broken.resets() == 0 {
        let why = "no connection is open, so resetting them shows nothing";
        return Err(FaultError::no_effect(fault.kind, &fault.target, why));
    }
    let (links, _) = broken.extent();
    let new = if is_held { ", and every new one" } else { "" };
    let text = format!("{} of {links} reset{new}", count(broken.resets(), "connection"));
    Ok((Evidence::now(None, text), broken))
}
