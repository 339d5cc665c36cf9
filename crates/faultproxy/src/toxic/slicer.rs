//! `slicer`: what was read together comes in small pieces, as from a network that likes small
//! packets.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::Draw;

/// Cuts chunks into pieces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slicer {
    /// Bytes per piece.
    pub average_size: i64,
    /// Bytes by which pieces differ from that, up or down; should be less than it.
    pub size_variation: i64,
    /// Microseconds from piece to piece.
    pub delay: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Slicer,
    /// Lengths that the chunk at the head is cut into, the first of them last. They may still be
    /// too long: each is halved when its turn comes.
    lengths: Vec<usize>,
    /// When the next piece may go.
    next_at: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: Slicer) -> Self {
        Self { toxic, lengths: Vec::new(), next_at: None }
    }

    fn next_length(&mut self, head: usize, draw: &mut Draw) -> usize {
        let mut length = self.lengths.pop().unwrap_or(head);
        while let Some(left) = self.toxic.cut(length, draw) {
            self.lengths.push(length - left);
            length = left;
        }
        length
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        while let Some(head) = pipe.input.front() {
            let due = self.next_at.unwrap_or(pipe.now);
            if due > pipe.now {
                return Some(due);
            }
            let length = self.next_length(head.bytes.len(), pipe.draw);
            pipe.pass_delayed(length, due);
            self.next_at = Some(due + delay::of_microseconds(self.toxic.delay));
        }
        // Time in which nothing came is no credit.
        self.next_at = self.next_at.filter(|next_at| *next_at > pipe.now);
        pipe.pass_end();
        None
    }
}

impl Slicer {
    /// Where to cut a piece of `length` bytes, about in the middle; nowhere if it is short enough.
    fn cut(&self, length: usize, draw: &mut Draw) -> Option<usize> {
        let average = usize::try_from(self.average_size).unwrap_or(0).max(1);
        let variation = usize::try_from(self.size_variation).unwrap_or(0);
        if length <= average.saturating_add(variation) {
            return None;
        }
        // `variation` is below `length` here, so nothing overflows.
        let spread = draw.below(2 * variation as u64) as usize;
        let middle = (length / 2 + spread).saturating_sub(variation);
        Some(middle.clamp(1, length - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToxicKind;
    use super::super::bench::{Bench, downstream, ms};
    use super::*;

    fn under(average_size: i64, size_variation: i64, delay: i64) -> Bench {
        let slicer = Slicer { average_size, size_variation, delay };
        Bench::under([downstream(ToxicKind::Slicer(slicer))])
    }

    #[test]
    fn pieces_are_about_as_long_as_it_says() {
        let mut bench = under(1024, 512, 10);
        let sent = b"hello world ".repeat(40_000);
        bench.send(sent.clone());
        bench.wait(ms(1000));
        assert_eq!(bench.received(), sent);
        // Toxiproxy's own bounds for 480 kB.
        assert!((240..=720).contains(&bench.arrivals.len()), "{}", bench.arrivals.len());
        assert!(bench.arrivals.iter().all(|piece| piece.bytes.len() <= 1024 + 512));
    }

    #[test]
    fn without_variation_all_are_of_one_size() {
        let mut bench = under(1, 0, 10);
        bench.send(b"hello world ".repeat(2));
        bench.wait(ms(10));
        assert_eq!(bench.arrivals.len(), 24);
    }

    #[test]
    fn pieces_are_microseconds_apart() {
        let mut bench = under(4, 0, 2500);
        bench.send("hello world!");
        bench.wait(ms(100));
        let came: Vec<_> = bench.arrivals.iter().map(|piece| piece.at.as_micros()).collect();
        assert_eq!(came, [0, 2500, 5000, 7500], "12 bytes halved until no part is over 4");
    }

    #[test]
    fn time_in_which_nothing_came_brings_pieces_no_closer() {
        let mut bench = under(4, 0, 2500);
        for _ in 0..2 {
            bench.send("hello");
            bench.wait(ms(100));
        }
        let came: Vec<_> = bench.arrivals.iter().map(|piece| piece.at.as_micros()).collect();
        assert_eq!(came, [0, 2500, 100_000, 102_500]);
    }

    #[test]
    fn absurd_attributes_cut_somehow_and_lose_nothing() {
        let absurd = [i64::MIN, -1, 0, 1, 3, i64::MAX];
        for average in absurd {
            for variation in absurd {
                let mut bench = under(average, variation, 0);
                bench.send("hello world");
                bench.wait(ms(100));
                assert_eq!(bench.received_text(), "hello world", "{average} ± {variation}");
            }
        }
    }

    #[test]
    fn taken_away_between_two_pieces_it_loses_nothing() {
        let mut bench = under(4, 0, 1_000_000);
        bench.send("hello world!");
        bench.wait(ms(1500));
        assert_eq!(bench.arrivals.len(), 2);
        bench.remove(0);
        assert_eq!(bench.received_text(), "hello world!");
    }
}
