//! The parts of `cargo xtask bench failover --whole` that compute: who is hit when, what an answer
//! means to a client, and whether the books agree with what clients were promised.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

mod whole;

use crate::failover_series::{percentile, record, target};

mod of_turns {
    use super::record::Blow;
    use super::target::Kind;
    use super::whole::turns::*;

    #[test]
    fn each_engine_is_hit_once_before_any_is_hit_again() {
        let turn = |(kind, blow, number)| Turn { kind, blow, number };
        let of_each = [Kind::Mysql, Kind::Postgres].into_iter().flat_map(|kind| {
            [(kind, Blow::Freeze, 3), (kind, Blow::Kill, 1), (kind, Blow::Kill, 2)].map(turn)
        });
        let expected = [
            (Kind::Mysql, Blow::Kill, 1),
            (Kind::Postgres, Blow::Kill, 1),
            (Kind::Mysql, Blow::Kill, 2),
            (Kind::Postgres, Blow::Kill, 2),
            (Kind::Mysql, Blow::Freeze, 3),
            (Kind::Postgres, Blow::Freeze, 3),
        ];
        assert_eq!(in_turn(of_each.collect()), expected.map(turn));
    }
}

mod of_the_door {
    use super::whole::connection::*;
    use super::whole::door::*;
    use super::whole::promises::Told;
    use serde_json::json;

    #[test]
    fn an_answer_says_what_became_of_an_order_or_nothing() {
        let told = |status, body| told(&Answer { status, body });
        assert_eq!(told(201, json!({ "order_id": "x" })), (Told::Made("x".to_owned()), None),);
        let problem = json!({ "type": "outcome-unknown" });
        assert_eq!(told(504, problem), (Told::Nothing, Some("504 outcome-unknown".to_owned())));
        assert_eq!(told(502, json!(null)).0, Told::Nothing, "of Nginx without a middleware");
        assert_eq!(told(201, json!({})).0, Told::Nothing, "made, and nobody says what");
        assert_eq!(told(409, json!(null)), (Told::Declined, Some("409".to_owned())));
    }

    #[test]
    fn an_order_is_asked_for_again_in_the_same_words() {
        let door = "127.0.0.1:8080".parse().unwrap();
        let order = wanted(1, 4);
        let text = String::from_utf8(request(door, "k", &order)).unwrap();
        assert!(text.contains("\r\nIdempotency-Key: k\r\n"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(body.contains(&order.product), "{body}");
        assert_eq!(wanted(1, 4), order, "by its place alone");
    }

    #[test]
    fn an_answer_is_read_when_all_of_its_head_is_there() {
        let text = "HTTP/1.1 201 Created\r\ncontent-length: 7\r\nConnection: close\r\n\r\n";
        let found = head(text.as_bytes()).unwrap().unwrap();
        let length = text.len();
        let wanted = Head { status: 201, head_length: length, body_length: 7, is_last: true };
        assert_eq!(found, wanted);
        assert_eq!(head(&text.as_bytes()[..length - 1]).unwrap(), None);
        let kept = text.replace("close", "keep-alive");
        assert!(!head(kept.as_bytes()).unwrap().unwrap().is_last);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "its end cannot be known");
    }
}

mod of_promises {
    use super::whole::door::wanted;
    use super::whole::promises::*;

    #[test]
    fn what_was_made_between_two_marks_is_known_by_name() {
        let promises = Promises::of(2);
        let made = |name: &str| Told::Made(name.to_owned());
        promises.tell(0, promises.ask(0, wanted(0, 0)), made("early"));
        let from = promises.marks();
        promises.tell(0, promises.ask(0, wanted(0, 1)), made("a"));
        promises.tell(1, promises.ask(1, wanted(1, 0)), Told::Declined);
        let unknown = promises.ask(1, wanted(1, 1));
        let to = promises.marks();
        promises.tell(1, promises.ask(1, wanted(1, 2)), made("late"));
        assert_eq!(promises.made(&from, &to), ["a"]);
        promises.tell(1, unknown, made("b"));
        assert_eq!(promises.made(&from, &to), ["a", "b"], "learnt later");
        assert_eq!(promises.all().len(), 5);
    }
}

mod of_books {
    use super::whole::books::*;
    use super::whole::end::*;
    use super::whole::promises::*;
    use standfast_checker::{Keeper, Wanted};
    use std::collections::BTreeMap;

    fn stock(left: i64) -> BTreeMap<String, i64> {
        [stock_line(left)].into()
    }

    fn stock_line(left: i64) -> (String, i64) {
        super::whole::books::stock(&format!("P {left}")).unwrap()
    }

    fn promise(told: Told) -> Promise {
        Promise { wanted: Wanted { product: "P".to_owned(), quantity: 3 }, told }
    }

    /// Both servers of each cluster after one order of three.
    fn books() -> Books {
        let keeper = |name: &str| Keeper { name: name.to_owned(), stock: stock(7) };
        Books {
            orders: vec![vec![order("x P 3 confirmed").unwrap()]; 2],
            reports: vec![vec![report("x P 3 filed").unwrap()]; 2],
            stocks: vec![keeper("stock-a"), keeper("stock-b")],
        }
    }

    /// The kinds of what is wrong.
    #[track_caller]
    fn check(books: &Books, promises: &[Promise], wrong: &[&str]) {
        let violations = books.judge(&stock(10), promises);
        let seen = Seen { probes_taken: 9, latencies_ms: vec![2.0], ..Seen::default() };
        let end = End::of(promises, &violations, &seen);
        assert_eq!(end.wrong.keys().copied().collect::<Vec<_>>(), wrong, "{end}");
        assert_eq!(end.is_right(), wrong.is_empty(), "{end}");
    }

    #[test]
    fn books_are_right_when_all_servers_have_what_was_promised() {
        check(&books(), &[promise(Told::Made("x".to_owned()))], &[]);
    }

    #[test]
    fn what_one_server_alone_lacks_is_lost() {
        let promises = [promise(Told::Made("x".to_owned()))];
        let mut of_replica = books();
        of_replica.orders[1].clear();
        check(&of_replica, &promises, &["lost", "report of no order", "unbalanced"]);
        let mut unreported = books();
        unreported.reports[0].clear();
        check(&unreported, &promises, &["unreported"]);
        let mut twice_taken = books();
        twice_taken.stocks[1].stock = stock(4);
        check(&twice_taken, &promises, &["diverged", "unbalanced"]);
    }

    #[test]
    fn what_nobody_was_promised_is_doubled() {
        let promises = [promise(Told::Made("x".to_owned()))];
        let mut doubled = books();
        doubled.orders.iter_mut().for_each(|kept| kept.push(order("y P 3 confirmed").unwrap()));
        doubled.reports.iter_mut().for_each(|kept| kept.push(report("y P 3 filed").unwrap()));
        doubled.stocks.iter_mut().for_each(|keeper| keeper.stock = stock(4));
        check(&doubled, &promises, &["never asked for"]);
        let mut undone = books();
        undone.orders.iter_mut().for_each(|kept| kept.push(order("y P 3 cancelled").unwrap()));
        let told = [promise(Told::Made("x".to_owned())), promise(Told::Nothing)];
        let violations = undone.judge(&stock(10), &told);
        assert!(violations.is_empty(), "it was undone: {violations:?}");
        let end = End::of(&told, &violations, &Seen::default());
        assert!(!end.is_right() && end.undecided == 1, "its client does not know: {end}");
    }

    #[test]
    fn nothing_ordered_is_nothing_shown() {
        let end = End::of(&[], &[], &Seen::default());
        assert!(!end.is_right(), "{end}");
        assert!(order("x P many confirmed").is_err() && report("x P").is_err());
    }
}
