//! The scripts of the phases: what is done in which order. The order is what keeps the data.

use super::action::{Action, Standing};
use super::options::{Options, Sabotage};
use super::record::{Ending, Leg, Phase, Side};

/// One line of a script. What depends on the moment is filled in when it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Act(Action),
    /// Write the next mark.
    Mark(Leg),
    /// Is the follower close behind, so that a pause would be short?
    AwaitLag(Leg),
    /// Has the follower everything, while writers wait?
    AwaitHeld(Leg),
    /// Has the follower everything of an owner that is closed?
    AwaitClosed(Leg),
    Hold(Leg),
    /// Open the owner, if it is not.
    OpenOwner(Side),
    /// Wait until the time of the old copy is over.
    Keep,
}

use Step::{Act, AwaitClosed, AwaitHeld, AwaitLag, Hold, Keep, Mark, OpenOwner};

/// What is to be done in `phase`. `standing` is what was seen of the owner since the phase began;
/// where a script depends on it, the look comes first.
pub(super) fn of(phase: Phase, standing: Option<Standing>, options: &Options) -> Vec<Step> {
    match phase {
        Phase::Planned | Phase::Ended { .. } => Vec::new(),
        Phase::Capturing => vec![
            Act(Action::Check),
            Act(Action::Empty(Side::Target)),
            Act(Action::Publish(Leg::Forward)),
            Act(Action::MakeSlot(Leg::Forward)),
            Act(Action::Subscribe { leg: Leg::Forward, after: None }),
        ],
        Phase::Copying => vec![Act(Action::LookAtCopy(Leg::Forward))],
        Phase::CatchingUp => {
            vec![Act(Action::LookAtCopy(Leg::Forward)), Mark(Leg::Forward), AwaitLag(Leg::Forward)]
        }
        Phase::Verifying => comparison(Leg::Forward),
        Phase::CuttingOver => cut_over(standing, options),
        Phase::StartingOver => cleaning(Ending::Aborted, options),
        Phase::Switched { epoch, position } => {
            let after =
                (options.sabotage != Some(Sabotage::ReverseNotAdvanced)).then_some(position);
            let mut steps = vec![Act(Action::Open { side: Side::Target, epoch })];
            if options.sabotage != Some(Sabotage::ForwardKept) {
                steps.extend(removal(Leg::Forward));
            }
            steps.push(Act(Action::Subscribe { leg: Leg::Reverse, after }));
            steps
        }
        Phase::Confirming => comparison(Leg::Reverse),
        Phase::Kept { .. } => {
            vec![Act(Action::LookAtOwnership(Leg::Reverse)), OpenOwner(Side::Target), Keep]
        }
        Phase::Returning => {
            let mut steps = vec![Act(Action::LookAtOwnership(Leg::Reverse))];
            steps.extend(closing(Leg::Reverse, standing, options));
            steps
        }
        Phase::Cleaning { ending } => cleaning(ending, options),
    }
}

/// Both shards at one point of the log: writers wait only until both snapshots are taken.
fn comparison(leg: Leg) -> Vec<Step> {
    vec![
        Act(Action::LookAtCopy(leg)),
        Mark(leg),
        AwaitLag(leg),
        Hold(leg),
        Mark(leg),
        AwaitHeld(leg),
        Act(Action::Snapshot(leg)),
        Act(Action::Release),
        Act(Action::Compare(leg)),
    ]
}

/// The reverse slot is made before the pause, since that waits for every transaction that runs on
/// the target.
fn cut_over(standing: Option<Standing>, options: &Options) -> Vec<Step> {
    let mut steps = vec![
        Act(Action::LookAtOwnership(Leg::Forward)),
        Act(Action::Publish(Leg::Reverse)),
        Act(Action::MakeSlot(Leg::Reverse)),
    ];
    steps.extend(closing(Leg::Forward, standing, options));
    steps
}

/// The lag is looked at before writers are made to wait, and everything is on the other shard
/// before the owner is closed.
fn closing(leg: Leg, standing: Option<Standing>, options: &Options) -> Vec<Step> {
    if standing.is_some_and(|standing| standing.is_closed) {
        let look = Act(Action::LookAtCopy(leg));
        return vec![look, Mark(leg), AwaitClosed(leg), Act(Action::Settle(leg))];
    }
    let mut steps = vec![Act(Action::LookAtCopy(leg)), Mark(leg), AwaitLag(leg), Hold(leg)];
    steps.extend([Mark(leg), AwaitHeld(leg)]);
    steps.push(Act(Action::Settle(leg)));
    steps.push(Act(Action::Close(leg)));
    match options.sabotage {
        Some(Sabotage::MarkNotAwaited) => steps.retain(|step| *step != AwaitHeld(leg)),
        Some(Sabotage::SwitchedBeforeClosed) => {
            steps.pop();
            steps.push(Act(Action::Release));
        }
        Some(Sabotage::OpenedBeforeSwitched) => {
            let epoch = standing.map_or(0, |standing| standing.epoch);
            steps.insert(0, Act(Action::Open { side: leg.to(), epoch }));
        }
        Some(
            Sabotage::ReverseNotAdvanced
            | Sabotage::ForwardKept
            | Sabotage::EmptiedWhilePublished
            | Sabotage::FenceIgnored
            | Sabotage::FailoverIgnored
            | Sabotage::MarksRepeated
            | Sabotage::GuardLeftOut,
        )
        | None => {}
    }
    steps
}

/// A slot cannot be dropped while it has a subscriber, nor may a publication go before its slot.
fn removal(leg: Leg) -> Vec<Step> {
    vec![Act(Action::Unsubscribe(leg)), Act(Action::DropSlot(leg)), Act(Action::Unpublish(leg))]
}

fn cleaning(ending: Ending, options: &Options) -> Vec<Step> {
    let owner = ending.owner();
    let leg = if owner == Side::Source { Leg::Forward } else { Leg::Reverse };
    let mut steps = vec![Act(Action::LookAtOwnership(leg)), OpenOwner(owner)];
    if options.sabotage == Some(Sabotage::EmptiedWhilePublished) {
        steps.push(Act(Action::Empty(owner.other())));
    }
    steps.extend(removal(Leg::Forward));
    steps.extend(removal(Leg::Reverse));
    steps.push(Act(Action::Empty(owner.other())));
    steps.push(Act(Action::ForgetMarks));
    steps
}
