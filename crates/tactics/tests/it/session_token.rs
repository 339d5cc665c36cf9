//! Log positions: their text form is PostgreSQL's, and they only go forward.

use proptest::prelude::*;
use standfast_tactics::session_token::LogPosition;

proptest! {
    #[test]
    fn text_and_back(bytes in any::<u64>()) {
        let position = LogPosition::from_bytes(bytes);
        prop_assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = text.parse::<LogPosition>();
    }

    #[test]
    fn a_session_never_goes_back(seen in prop::collection::vec(any::<u64>(), 1..20)) {
        let mut session = LogPosition::START;
        for bytes in seen {
            let next = session.advance(LogPosition::from_bytes(bytes));
            prop_assert!(next >= session && next.bytes() >= bytes);
            session = next;
        }
    }
}

#[test]
fn what_postgresql_would_not_print_is_refused() {
    for text in ["", "/", "1", "1/", "/1", "1/2/3", "+1/2", "1/-2", "G/0", "100000000/0", " 1/2"] {
        assert!(text.parse::<LogPosition>().is_err(), "{text:?}");
    }
    assert_eq!("0/0".parse(), Ok(LogPosition::START));
    assert_eq!("FFFFFFFF/ffffffff".parse(), Ok(LogPosition::END));
    assert_eq!(LogPosition::START.before(), LogPosition::START);
}
