//! What a core thinks of its cluster, for people. Nothing here decides anything.

use super::Moment;
use super::action::Order;
use super::node::NodeId;
use super::sighting::{Report, Routing};
use super::state::Core;
use super::suspicion::Health;

/// One node as the core sees it.
#[derive(Clone, Debug)]
pub struct View<'a> {
    pub health: Health,
    /// What it said of itself last, and when it was asked.
    pub report: Option<(Moment, &'a Report)>,
    /// What was ordered for it and is not done.
    pub under_way: Vec<Order>,
}

impl Core {
    /// What is known of `node`.
    pub fn view(&self, node: NodeId, now: Moment) -> View<'_> {
        let state = &self.nodes[node.index()];
        let lanes = [&state.process, &state.sql, &state.preparation];
        View {
            health: self.health(node, now),
            report: state.watch.report_since(Moment::ZERO),
            under_way: lanes.iter().filter_map(|lane| lane.busy.map(|(_, order)| order)).collect(),
        }
    }

    /// What the router was last seen to do; `None` when it could not be asked.
    pub fn routing(&self) -> Option<Routing> {
        self.router.seen
    }
}
