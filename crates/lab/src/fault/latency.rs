//! `latency`: all that is sent on a link comes later, as over a greater distance or through a full
//! queue. Answers by default: whoever asks waits that much longer.

use standfast_faultproxy::toxic::{Latency, ToxicKind};

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::Fault;
use super::links::{BrokenLinks, Links};
use super::parameters::Objection;
use crate::spec::Length;

pub(super) async fn inject(
    fault: &Fault,
    links: Links,
) -> Result<(Evidence, BrokenLinks), FaultError> {
    let Some(delay) = fault.delay else {
        return Err(Objection::new("latency needs `delay`").into());
    };
    let toxic =
        Latency { latency: milliseconds(delay), jitter: fault.jitter.map_or(0, milliseconds) };
    let broken = links.put(fault, ToxicKind::Latency(toxic)).await?;
    let (links, connections) = broken.extent();
    let text = format!("{links} slower by {}, {connections} delayed", fault.parameters());
    Ok((Evidence::now(None, text), broken))
}

fn milliseconds(length: Length) -> i64 {
    i64::try_from(length.0.as_millis()).unwrap_or(i64::MAX)
}
