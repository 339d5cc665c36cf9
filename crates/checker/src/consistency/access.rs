//! Operations as reads and writes of one value, with the time in which each took effect.

use standfast_history::{Operation, Outcome};

use super::judgement::{Lack, Seen};

/// Before anything that a client did.
pub(super) const BEFORE: u64 = 0;
/// After everything.
pub(super) const NEVER: u64 = u64::MAX;

/// How sure it is that a write was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Done,
    Possible,
    None,
}

/// Whether an operation changed something. It must be a write.
pub(super) fn effect(write: &Operation) -> Effect {
    match write.outcome {
        _ if write.sent_us.is_none() => Effect::None,
        // A refusal, though its scenario may take that for an answer.
        Outcome::Ok if (400..500).contains(&write.status) => Effect::None,
        Outcome::Ok => Effect::Done,
        Outcome::Info => Effect::Possible,
        Outcome::Fail if write.status >= 500 => Effect::Possible,
        Outcome::Fail => Effect::None,
    }
}

/// Whether a client got an answer that says something.
pub(super) fn is_answered(read: &Operation) -> bool {
    !read.write && read.outcome == Outcome::Ok && read.sent_us.is_some()
}

/// When it began; shifted by one, so that something can be before it.
pub(super) fn start(operation: &Operation) -> u64 {
    operation.sent_us.unwrap_or(operation.intended_us).saturating_add(1)
}

/// When it had certainly taken effect, if it ever did.
pub(super) fn end(operation: &Operation) -> u64 {
    match operation.outcome {
        Outcome::Ok => operation.done_us.saturating_add(1),
        Outcome::Fail | Outcome::Info => NEVER,
    }
}

/// What identifies a value in this history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Value,
    /// Writes carry no value, and are told apart by the version that they made.
    Version,
}

impl Mark {
    /// What all acknowledged writes carry.
    pub(super) fn of(operations: &[&Operation]) -> Result<Self, Lack> {
        let written = || {
            let writes = operations.iter().filter(|operation| operation.write);
            writes.filter(|write| effect(write) == Effect::Done)
        };
        let lacking = |lacks: fn(&Operation) -> bool| written().find(|write| lacks(write));
        let Some(write) = lacking(|write| write.value.is_none()) else {
            let is_versions = written().next().is_none()
                && !operations.iter().any(|operation| operation.value.is_some());
            return Ok(if is_versions { Self::Version } else { Self::Value });
        };
        let Some(unversioned) = lacking(|write| write.version.is_none()) else {
            return Ok(Self::Version);
        };
        let (scenario, index) = (&write.scenario, write.index);
        let other = match unversioned.index == index && unversioned.scenario == *scenario {
            true => String::new(),
            false => format!(", {} #{} no `version`", unversioned.scenario, unversioned.index),
        };
        Err(Lack(format!(
            "{scenario} #{index} is a write, and has no `value`{other}: let the scenario say \
             `observe = {{ key = …, value = … }}`, or leave it out by --scenario"
        )))
    }

    pub(super) fn read(self, operation: &Operation) -> Option<String> {
        match self {
            Self::Value => operation.value.clone(),
            Self::Version => operation.version.map(|version| format!("version {version}")),
        }
    }
}

/// One read or write of one register.
#[derive(Clone, Debug)]
pub(super) struct Access<'a> {
    pub(super) operation: &'a Operation,
    pub(super) is_write: bool,
    pub(super) value: u32,
    pub(super) start: u64,
    /// [`NEVER`] for a write that may not have happened.
    pub(super) end: u64,
}

impl Access<'_> {
    pub(super) fn is_certain(&self) -> bool {
        self.end != NEVER
    }

    pub(super) fn seen(&self, values: &[String]) -> Seen {
        let verb = if self.is_write { "write" } else { "read" };
        let value = usize::try_from(self.value).ok().and_then(|index| values.get(index));
        let key = self.operation.key.as_deref().map(|key| format!(" {key}")).unwrap_or_default();
        let value = value.map_or("nothing", String::as_str);
        Seen::of(self.operation, format!("{verb}{key} = {value}"))
    }
}
