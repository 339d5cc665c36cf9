//! `noop`: nothing at all; it shows that a toxic is there.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// Changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noop {}

impl Effect for Noop {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        pipe.pass_all();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToxicKind;
    use super::super::bench::{Bench, downstream, ms};
    use super::*;
    use crate::link::End;

    #[test]
    fn passes_all_and_counts_it() {
        let mut bench = Bench::under([downstream(ToxicKind::Noop(Noop {}))]);
        bench.send("hello");
        bench.send_end(End::Finish);
        assert_eq!(bench.received_text(), "hello");
        assert_eq!(bench.end, Some((ms(0), End::Finish)));
        let tally = bench.tally(0);
        assert_eq!((tally.connections, tally.bytes, tally.dropped_bytes), (1, 5, 0));
    }
}
