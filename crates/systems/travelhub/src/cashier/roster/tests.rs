//! Who is accused, who is out, and who comes back.

use super::*;

const REST: Duration = Duration::from_secs(1);

struct Bench {
    roster: Roster,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { roster: Roster::try_new(5, REST).unwrap(), now: Instant::now() }
    }

    fn record(&mut self, replica: usize, conduct: Conduct) -> Vec<Change> {
        self.roster.record(replica, conduct, self.now)
    }

    fn seats(&mut self) -> Vec<Seat> {
        self.roster.seats(self.now)
    }
}

#[test]
fn one_proof_is_enough_to_be_named_and_voted_out() {
    for conduct in [Conduct::Dissented, Conduct::Equivocated, Conduct::Forged, Conduct::Replayed] {
        let mut bench = Bench::new();
        let expected = [Change::Detected(conduct), Change::VotedOut];
        assert_eq!(bench.record(3, conduct), expected);
        assert_eq!(bench.seats()[3], Seat::Absent);
        assert_eq!((bench.roster.proven(), bench.roster.is_anybody_accused()), (1, true));
    }
}

#[test]
fn who_is_silent_is_named_at_once_and_left_out_when_it_stays_so() {
    let mut bench = Bench::new();
    assert_eq!(bench.record(0, Conduct::Silent), [Change::Detected(Conduct::Silent)]);
    assert_eq!(bench.record(0, Conduct::Silent), []);
    assert_eq!(bench.seats(), [Seat::Counts; 5]);
    assert_eq!(bench.record(0, Conduct::Failed), [Change::VotedOut]);
    assert_eq!(bench.roster.proven(), 0, "silence proves nothing");
}

#[test]
fn a_replica_returns_when_it_has_agreed_five_times_in_a_row() {
    let mut bench = Bench::new();
    bench.record(2, Conduct::Forged);
    bench.now += REST;
    assert_eq!(bench.seats()[2], Seat::Shadow);
    for _ in 0..4 {
        assert_eq!(bench.record(2, Conduct::Agreed), []);
    }
    assert_eq!(bench.record(2, Conduct::Agreed), [Change::Recovered]);
    assert_eq!(bench.seats(), [Seat::Counts; 5]);
    assert!(!bench.roster.is_anybody_accused());
}

#[test]
fn who_relapses_on_the_way_back_rests_again_and_is_no_news() {
    let mut bench = Bench::new();
    bench.record(2, Conduct::Dissented);
    bench.now += REST;
    bench.seats();
    bench.record(2, Conduct::Agreed);
    assert_eq!(bench.record(2, Conduct::Dissented), []);
    bench.now += REST;
    assert_eq!(bench.seats()[2], Seat::Absent, "longer than before");
    bench.now += REST;
    assert_eq!(bench.seats()[2], Seat::Shadow);
}

#[test]
fn a_third_liar_is_named_and_cannot_be_left_out() {
    let mut bench = Bench::new();
    bench.record(0, Conduct::Dissented);
    bench.record(1, Conduct::Forged);
    let expected = [Change::Detected(Conduct::Replayed), Change::Withheld];
    assert_eq!(bench.record(2, Conduct::Replayed), expected);
    assert_eq!(bench.roster.proven(), 3);
    let counting = bench.seats().iter().filter(|seat| **seat == Seat::Counts).count();
    assert_eq!(counting, 3);
}

#[test]
fn bad_luck_is_forgiven_where_it_stands() {
    let mut bench = Bench::new();
    bench.record(4, Conduct::Silent);
    for _ in 0..4 {
        assert_eq!(bench.record(4, Conduct::Agreed), []);
    }
    assert_eq!(bench.record(4, Conduct::Agreed), [Change::Recovered]);
    assert_eq!(bench.record(4, Conduct::OtherRules), []);
    assert_eq!(bench.record(4, Conduct::Unjudged), []);
    assert!(!bench.roster.is_anybody_accused());
}
