//! The command line of `standfast fault`.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use standfast_lab::fault::Probability;
use standfast_lab::spec::{DataRate, Length};

use super::{InstanceArguments, duration};

#[derive(Debug, Args)]
pub(crate) struct FaultArguments {
    #[command(subcommand)]
    pub(crate) action: FaultAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultAction {
    /// Stop a process gracefully, and hold it down
    Stop(FaultTarget),
    /// SIGKILL a process and all its children; it is brought back by the supervisor, unless --for
    Kill(FaultTarget),
    /// SIGKILL a process and all its children, and hold it down until it is cleared
    Crash(FaultTarget),
    /// SIGSTOP a process and all its children: it hangs
    #[command(visible_alias = "hang")]
    Pause(FaultTarget),
    /// Empty a cache
    Flush(FaultTarget),
    /// Restart a process gracefully
    Restart(FaultTarget),
    /// SIGKILL a service, delete all that it keeps, and start it again from nothing
    Wipe(FaultTarget),
    /// Leave a PostgreSQL server no room on its disk: it can write into no file
    DiskFull(FaultTarget),
    /// Start a database behind its watchdog's back, as somebody does who does not know better
    StartByHand(FaultTarget),
    /// Make all that is sent on a link come later, or what a service answers (--instance N)
    Latency {
        /// On links: how much later, such as 200ms
        #[arg(long, value_name = "DURATION", conflicts_with = "latency")]
        delay: Option<Length>,
        /// In the service itself: how many milliseconds later (default: 500 to 1500 by chance)
        #[arg(long, value_name = "MS", conflicts_with = "direction")]
        latency: Option<Milliseconds>,
        /// By how much that varies to both sides
        #[arg(long, value_name = "DURATION")]
        jitter: Option<Length>,
        /// What comes later: requests (upstream), answers (downstream, the default), or both
        #[arg(long, value_enum)]
        direction: Option<DirectionArgument>,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Make a service answer later, on whatever connection
    Slow {
        /// How much later, such as 1200ms
        #[arg(long, value_name = "DURATION")]
        delay: Length,
        /// By how much that varies to both sides
        #[arg(long, value_name = "DURATION")]
        jitter: Option<Length>,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Make a service fail requests by chance
    Intermittent {
        /// How likely a request fails
        #[arg(long, value_name = "SHARE", default_value = "0.5")]
        probability: Probability,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Make a service answer with another stock, or another amount, than is right
    Incorrect {
        /// Only of this product, such as PROD-001 (default: of all)
        #[arg(long)]
        product: Option<String>,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Make a service that signs its answers say something else under a false signature
    Forge(FaultTarget),
    /// Make a service that signs its answers tell one asker something else than another
    Equivocate(FaultTarget),
    /// Make a service that signs its answers repeat what it signed for an earlier question
    Replay(FaultTarget),
    /// Make a service take requests and never answer
    Silent(FaultTarget),
    /// Cut a link: silence on all connections, until it is healed and all flows on
    Cut {
        /// Only what is sent this way (default: both)
        #[arg(long, value_enum)]
        direction: Option<DirectionArgument>,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Cut every link between two sides, as in --target "primary cache | offers"
    Partition(FaultTarget),
    /// Let a link carry only so much
    Bandwidth {
        /// What it carries, such as "100 KB/s"
        #[arg(long, value_name = "RATE")]
        rate: DataRate,
        /// Only what is sent this way (default: both)
        #[arg(long, value_enum)]
        direction: Option<DirectionArgument>,
        #[command(flatten)]
        target: FaultTarget,
    },
    /// Reset the open connections of a link; with --for, new ones as well
    Reset(FaultTarget),
    /// Cut the host of a process off from everybody; the system was brought up with --hosts
    Isolate(FaultTarget),
    /// Heal every fault that is in effect, or those of one target
    Clear {
        /// Only the faults of this process, edge or partition
        #[arg(long)]
        target: Option<String>,
        #[command(flatten)]
        instance: FaultInstance,
    },
    /// The faults that are in effect
    Status {
        #[command(flatten)]
        instance: FaultInstance,
    },
    /// The faults so far, and the failures that the supervisor saw
    Failures {
        #[command(flatten)]
        instance: FaultInstance,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DirectionArgument {
    Upstream,
    Downstream,
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct FaultTarget {
    /// The process to break; of a link, the edge FROM:TO, or TO for every edge that leads there
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Heal after this time, such as 10s (default: until `fault clear`)
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) instance: FaultInstance,
}

/// No instance of a system has a number for its name, so that both fit into one option.
#[derive(Clone, Debug, Args)]
pub(crate) struct FaultInstance {
    /// A number N means the service whose name ends in -N; a name means the instance of the
    /// system, when more than one is there (both may be given)
    #[arg(long, value_name = "N|NAME")]
    pub(crate) instance: Vec<String>,
}

impl FaultInstance {
    /// The number of a service, when there is one.
    pub(crate) fn number(&self) -> Option<&str> {
        self.instance.iter().map(String::as_str).find(|word| is_number(word))
    }

    /// Which instance of a system is meant.
    pub(crate) fn of_system(&self) -> InstanceArguments {
        let name = self.instance.iter().find(|word| !is_number(word));
        InstanceArguments { instance: name.cloned() }
    }

    /// Whether nothing is named twice.
    pub(crate) fn is_clear(&self) -> bool {
        let numbers = self.instance.iter().filter(|word| is_number(word)).count();
        numbers <= 1 && self.instance.len() - numbers <= 1
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A length of time that may be written without its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Milliseconds(pub(crate) Length);

impl FromStr for Milliseconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let length = match text.parse::<u32>() {
            Ok(number) => Length(Duration::from_millis(number.into())),
            Err(_) => Length(duration(text)?),
        };
        Ok(Self(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_in_milliseconds_when_nothing_else_is_said() {
        for (text, ms) in [("1200", 1200), ("1.5s", 1500), ("250 ms", 250)] {
            let length = Length(Duration::from_millis(ms));
            assert_eq!(text.parse(), Ok(Milliseconds(length)), "{text}");
        }
        for bad in ["", "-1", "fast", "1.5"] {
            assert!(bad.parse::<Milliseconds>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_is_a_service_and_a_name_is_an_instance() {
        let given = |words: &[&str]| FaultInstance {
            instance: words.iter().map(ToString::to_string).collect(),
        };
        let both = given(&["shop", "2"]);
        assert_eq!(
            (both.number(), both.of_system().instance.as_deref()),
            (Some("2"), Some("shop"))
        );
        assert!(both.is_clear() && given(&[]).is_clear());
        assert!(!given(&["1", "2"]).is_clear() && !given(&["shop", "shop-2"]).is_clear());
        assert_eq!(given(&["shop-2"]).number(), None);
    }
}
