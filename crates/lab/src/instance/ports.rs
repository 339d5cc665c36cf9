//! Which port each process gets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use standfast_engines::process::{PortHolder, holder_of_port, is_port_free};

use crate::spec::System;

/// Automatic ports lie below the range that the kernel takes for outgoing connections (32768 and
/// up): a client must not sit on the port of a server that is just being restarted.
const AUTOMATIC: std::ops::Range<u16> = 20_000..32_000;

/// How ports are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those of `system.toml`.
    Declared,
    /// From this one upwards, in the order of the declared ones.
    Base(u16),
    /// Any that are free, so that runs never collide.
    Automatic,
    /// Those that the instance had before; declared ones when it is new.
    Recorded,
}

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("port {port} of `{process}` is held by {}", holder_text(.holder.as_ref()))]
    Busy { process: String, port: u16, holder: Option<PortHolder> },
    #[error("ports from {base} upwards do not suffice for {count} processes")]
    BaseTooHigh { base: u16, count: usize },
    #[error("no free port between {} and {}", AUTOMATIC.start, AUTOMATIC.end)]
    NoneFree,
}

fn holder_text(holder: Option<&PortHolder>) -> String {
    holder.map_or_else(|| "a process of somebody else".to_owned(), PortHolder::to_string)
}

/// The port of each process of a system, as its `system.toml` has it.
pub fn declared_ports(system: &System) -> BTreeMap<String, u16> {
    let engines = system.engines.iter().map(|(name, engine)| (name, Some(engine.port)));
    let services = system.services.iter().map(|(name, service)| (name, service.port));
    let named = engines.chain(services).filter_map(|(name, port)| Some((name.clone(), port?)));
    named.chain(system.agent_ports()).collect()
}

/// Ports that instances of this very process were given: those that are just starting do not
/// listen yet.
static GIVEN: LazyLock<Mutex<BTreeSet<u16>>> = LazyLock::new(Mutex::default);

/// Ports of one instance. Automatic ones are free for others again when it is dropped.
#[derive(Debug)]
pub(crate) struct PortPlan {
    ports: BTreeMap<String, u16>,
    given: BTreeSet<u16>,
}

impl PortPlan {
    /// Chooses a port for each of `declared`, none of which anybody else listens on.
    pub(crate) fn choose(declared: &BTreeMap<String, u16>, how: Ports) -> Result<Self, PortError> {
        let plan = match how {
            Ports::Declared | Ports::Recorded => {
                Self { ports: declared.clone(), given: BTreeSet::new() }
            }
            Ports::Base(base) => from_base(declared, base)?,
            // Those were found to be free, and a second look might meet somebody else's look.
            Ports::Automatic => return automatic(declared.keys(), &BTreeSet::new()),
        };
        plan.check_free()?;
        Ok(plan)
    }

    /// The ports of an instance that was here before.
    pub(crate) fn again(ports: BTreeMap<String, u16>) -> Result<Self, PortError> {
        let plan = Self { ports, given: BTreeSet::new() };
        plan.check_free()?;
        Ok(plan)
    }

    /// One more automatic port, which is none of ours whether we listen on it yet or not.
    pub(crate) fn another(&self, name: &str) -> Result<Self, PortError> {
        let taken: BTreeSet<u16> = self.ports.values().copied().collect();
        automatic([name], &taken)
    }

    pub(crate) fn of(&self, process: &str) -> Option<u16> {
        self.ports.get(process).copied()
    }

    pub(crate) fn all(&self) -> &BTreeMap<String, u16> {
        &self.ports
    }

    fn check_free(&self) -> Result<(), PortError> {
        for (process, port) in &self.ports {
            if !is_port_free(*port) {
                let holder = holder_of_port(*port);
                return Err(PortError::Busy { process: process.clone(), port: *port, holder });
            }
        }
        Ok(())
    }
}

impl Drop for PortPlan {
    fn drop(&mut self) {
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|port| !self.given.contains(port));
    }
}

fn from_base(declared: &BTreeMap<String, u16>, base: u16) -> Result<PortPlan, PortError> {
    let mut in_order: Vec<(u16, &String)> =
        declared.iter().map(|(name, port)| (*port, name)).collect();
    in_order.sort_unstable();
    let count = in_order.len();
    if base == 0 || usize::from(base) + count > usize::from(u16::MAX) {
        return Err(PortError::BaseTooHigh { base, count });
    }
    let ports = (base..).zip(in_order).map(|(port, (_, name))| (name.clone(), port)).collect();
    Ok(PortPlan { ports, given: BTreeSet::new() })
}

fn automatic<N: AsRef<str>>(
    names: impl IntoIterator<Item = N>,
    taken: &BTreeSet<u16>,
) -> Result<PortPlan, PortError> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Another standfast searches at the same time, so each begins somewhere else.
    let begin = rand::random_range(AUTOMATIC);
    let mut candidates = (begin..AUTOMATIC.end).chain(AUTOMATIC.start..begin);
    let mut plan = PortPlan { ports: BTreeMap::new(), given: BTreeSet::new() };
    for name in names {
        let is_ours = |port: &u16| given.contains(port) || taken.contains(port);
        let free = candidates.find(|port| !is_ours(port) && is_port_free(*port));
        let Some(port) = free else {
            // The plan's drop takes the lock as well.
            drop(given);
            return Err(PortError::NoneFree);
        };
        given.insert(port);
        plan.given.insert(port);
        plan.ports.insert(name.as_ref().to_owned(), port);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, u16> {
        [("web", 5000), ("primary", 5432), ("cache", 6379)]
            .map(|(name, port)| (name.to_owned(), port))
            .into()
    }

    #[test]
    fn a_base_keeps_the_order_of_the_declared_ports() {
        let plan = from_base(&declared(), 21_000).unwrap();
        assert_eq!(plan.of("web"), Some(21_000));
        assert_eq!(plan.of("primary"), Some(21_001));
        assert_eq!(plan.of("cache"), Some(21_002));
        assert!(matches!(from_base(&declared(), 65_534), Err(PortError::BaseTooHigh { .. })));
    }

    #[test]
    fn automatic_ports_of_two_instances_never_collide() {
        let plans = [(); 20].map(|()| PortPlan::choose(&declared(), Ports::Automatic).unwrap());
        let ports: BTreeSet<u16> =
            plans.iter().flat_map(|plan| plan.ports.values().copied()).collect();
        assert_eq!(ports.len(), 60);
    }

    #[test]
    fn another_port_is_none_of_those_that_an_instance_has() {
        let ours = AUTOMATIC.skip(1).map(|port| (port.to_string(), port)).collect();
        let plan = PortPlan { ports: ours, given: BTreeSet::new() };
        match plan.another("web:cache") {
            Ok(another) => assert_eq!(another.of("web:cache"), Some(AUTOMATIC.start)),
            Err(error) => assert!(matches!(error, PortError::NoneFree), "{error}"),
        }
    }

    #[test]
    fn a_busy_port_names_who_holds_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let busy = [("web".to_owned(), port)].into();
        let error = PortPlan::choose(&busy, Ports::Declared).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(error.contains("`web`") && error.contains(&format!("pid {pid} ")), "{error}");
    }
}
