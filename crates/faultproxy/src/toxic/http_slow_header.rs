//! `http_slow_header`: the head of an HTTP message comes in pieces, its body at full speed.
//!
//! A client with a timeout per read never sees it expire; one with a deadline for the answer does.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::http::{Framing, Part};
use super::pipe::Pipe;
use super::stream::Direction;

/// Slows heads down, not bodies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSlowHeader {
    /// Milliseconds between pieces.
    pub delay: i64,
    /// Bytes per piece; at least one.
    pub bytes: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: HttpSlowHeader,
    framing: Framing,
    /// What is left of a head, and when its next piece is due.
    head: Option<(usize, Instant)>,
}

impl Running {
    pub(super) fn new(toxic: HttpSlowHeader, direction: Direction) -> Self {
        Self { toxic, framing: Framing::new(direction), head: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let piece_max = usize::try_from(self.toxic.bytes).unwrap_or(0).max(1);
        loop {
            if let Some((left, due)) = self.head {
                if due > pipe.now {
                    return Some(due);
                }
                let piece = left.min(piece_max);
                pipe.pass_delayed(piece, due);
                let next_due = due + delay::of_milliseconds(self.toxic.delay);
                self.head = (left > piece).then_some((left - piece, next_due));
                continue;
            }
            match self.framing.next(pipe.input) {
                Part::Head(head) => self.head = Some((head.length, pipe.now)),
                Part::Rest(length) => pipe.pass(length),
                Part::Unclear => {
                    pipe.pass_end();
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToxicKind;
    use super::super::bench::{Bench, downstream, ms};
    use super::*;
    use crate::link::End;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

    fn under(delay: i64, bytes: i64) -> Bench {
        Bench::under([downstream(ToxicKind::HttpSlowHeader(HttpSlowHeader { delay, bytes }))])
    }

    #[test]
    fn heads_come_in_pieces_and_bodies_at_once() {
        let mut bench = under(100, 10);
        bench.send(format!("{HEAD}0123456789{HEAD}0123456789"));
        bench.wait(ms(2000));
        let came: Vec<_> =
            bench.arrivals.iter().map(|a| (a.at.as_millis(), a.bytes.len())).collect();
        let pieces = [(0, 10), (100, 10), (200, 10), (300, 9), (300, 10)];
        let again = [(300, 10), (400, 10), (500, 10), (600, 9), (600, 10)];
        assert_eq!(came, [pieces, again].concat());
        assert_eq!(bench.received_text(), format!("{HEAD}0123456789{HEAD}0123456789"));
    }

    #[test]
    fn a_piece_is_at_least_one_byte() {
        for bytes in [i64::MIN, 0, 1] {
            let mut bench = under(1, bytes);
            bench.send(HEAD);
            bench.wait(ms(1000));
            assert_eq!(bench.arrivals.len(), HEAD.len(), "{bytes} bytes");
        }
        let mut bench = under(i64::MAX, i64::MAX);
        bench.send(HEAD);
        assert_eq!(bench.received_text(), HEAD);
    }

    #[test]
    fn what_is_not_http_passes_untouched() {
        let mut bench = under(100, 1);
        bench.send("+PONG\r\n");
        bench.send("HTTP");
        bench.send_end(End::Finish);
        assert_eq!(bench.received_text(), "+PONG\r\nHTTP");
        assert_eq!(bench.end, Some((ms(0), End::Finish)));
    }

    #[test]
    fn taken_away_in_the_middle_of_a_head_it_loses_nothing() {
        let mut bench = under(100, 10);
        bench.send(format!("{HEAD}01234"));
        bench.wait(ms(150));
        bench.remove(0);
        bench.send("56789");
        assert_eq!(bench.received_text(), format!("{HEAD}0123456789"));
    }
}
