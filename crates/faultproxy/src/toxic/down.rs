//! `down`: one direction is cut, as by a cable that is pulled or a one-way partition.
//!
//! TCP repeats what was lost once a network heals, so nothing is dropped here: it waits.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// Holds all that comes, the end as well, until it is taken away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Down {}

impl Effect for Down {
    fn run(&mut self, _pipe: &mut Pipe<'_>) -> Option<Instant> {
        None
    }

    fn is_cut(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToxicKind;
    use super::super::bench::{Bench, downstream, ms};
    use super::*;
    use crate::link::End;

    #[test]
    fn holds_bytes_and_the_end_until_it_is_taken_away() {
        let mut bench = Bench::under([downstream(ToxicKind::Down(Down {}))]);
        bench.send("hello");
        bench.send_end(End::Finish);
        bench.wait(ms(60_000));
        assert_eq!((bench.received_text().as_str(), bench.end), ("", None));
        assert!(bench.link.defers_dial(bench.now()));
        bench.remove(0);
        assert_eq!(bench.received_text(), "hello");
        assert_eq!(bench.end, Some((ms(60_000), End::Finish)));
        assert!(!bench.link.defers_dial(bench.now()));
    }

    #[test]
    fn the_sender_feels_it() {
        let mut bench = Bench::under([downstream(ToxicKind::Down(Down {}))]);
        bench.send(vec![1; 1_000_000]);
        assert_eq!(bench.link.room(), 0);
        bench.remove(0);
        assert_eq!(bench.received().len(), 1_000_000);
    }
}
