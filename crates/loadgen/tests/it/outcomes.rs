//! What an attempt becomes when the server answers, breaks, hangs or is not there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use standfast_history::{ErrorKind, Operation, Outcome};
use standfast_loadgen::{Arrivals, LoadPlan};
use tokio::time::Instant;

use crate::server::{Behaviour, OK, Server, deaf_listener, refusing_address};
use crate::{IMPATIENCE, PATIENCE, check_all, check_complete, get, plan, post, run, scenario};

#[tokio::test]
async fn answers_are_counted_as_the_scenario_says() {
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let broken = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(Behaviour::Answer(OK)).await;
    check_all(&run(plan(get(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Ok && operation.status == 200 && !operation.write
    });
    let server = Server::start(Behaviour::Answer(unavailable)).await;
    check_all(&run(plan(post(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Fail && operation.status == 503 && operation.write
    });
    let expected = scenario("service = 'offers'\npath = '/'\nsuccess = [503]");
    check_all(&run(plan(expected, server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Ok
    });
    // A service that breaks may have committed before.
    let server = Server::start(Behaviour::Answer(broken)).await;
    check_all(&run(plan(post(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Info && operation.status == 500
    });
    check_all(&run(plan(get(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Fail
    });
}

#[tokio::test]
async fn a_reset_loses_a_read_and_leaves_a_write_unknown() {
    let server = Server::start(Behaviour::Reset).await;
    check_all(&run(plan(get(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Fail && operation.error == Some(ErrorKind::Reset)
    });
    check_all(&run(plan(post(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Info && operation.error == Some(ErrorKind::Reset)
    });
}

#[tokio::test]
async fn a_refused_connection_is_a_certain_failure_even_of_a_write() {
    let target = refusing_address().await;
    check_all(&run(plan(post(), target)).await.operations, |operation| {
        operation.outcome == Outcome::Fail
            && operation.error == Some(ErrorKind::Connect)
            && operation.sent_us.is_none()
    });
}

#[tokio::test]
async fn a_handshake_without_an_answer_ends_at_the_deadline() {
    let (_listener, target) = deaf_listener();
    let outcome = run(LoadPlan { timeout: IMPATIENCE, ..plan(post(), target) }).await;
    let is_unconnected = |operation: &standfast_history::Operation| operation.sent_us.is_none();
    assert!(outcome.operations.iter().any(is_unconnected));
    check_all(&outcome.operations, |operation| {
        let expected = match operation.sent_us {
            Some(_) => (Outcome::Info, Some(ErrorKind::Timeout)),
            None => (Outcome::Fail, Some(ErrorKind::Connect)),
        };
        (operation.outcome, operation.error) == expected && operation.latency_us() >= 300_000
    });
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_protocol_error() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let server = Server::start(Behaviour::Answer(garbage)).await;
        check_all(&run(plan(get(), server.address)).await.operations, |operation| {
            operation.outcome == Outcome::Fail && operation.error == Some(ErrorKind::Protocol)
        });
    }
}

#[tokio::test]
async fn a_cut_off_answer_is_a_reset() {
    let cut_off = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let server = Server::start(Behaviour::AnswerAndClose(cut_off)).await;
    check_all(&run(plan(get(), server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Fail && operation.error == Some(ErrorKind::Reset)
    });
}

#[tokio::test]
async fn a_hang_ends_at_the_deadline_that_counts_from_the_intended_time() {
    let server = Server::start(Behaviour::Hang).await;
    let outcome = run(LoadPlan { timeout: IMPATIENCE, ..plan(post(), server.address) }).await;
    check_all(&outcome.operations, |operation| {
        operation.outcome == Outcome::Info
            && operation.error == Some(ErrorKind::Timeout)
            && operation.latency_us() >= 300_000
    });
    // A machine that stands still makes some of them late, and not most of them.
    let mut latencies: Vec<u64> = outcome.operations.iter().map(Operation::latency_us).collect();
    latencies.sort_unstable();
    assert!(latencies[latencies.len() / 2] < 450_000, "{latencies:?}");
}

#[tokio::test]
async fn attempts_without_a_free_connection_are_never_sent_and_say_so() {
    let server = Server::start(Behaviour::Hang).await;
    // A new attempt every 10 µs, and one connection: when a hang has ended and the next connection
    // is made, the deadlines of many have passed.
    let outcome = run(LoadPlan {
        connections_max: 1,
        rate_per_s: 100_000.0,
        duration: Duration::from_millis(20),
        timeout: IMPATIENCE,
        ..plan(post(), server.address)
    })
    .await;
    let is_sent = |operation: &standfast_history::Operation| operation.sent_us.is_some();
    assert!(outcome.operations.iter().any(is_sent));
    assert!(!outcome.operations.iter().all(is_sent));
    check_all(&outcome.operations, |operation| match operation.sent_us {
        Some(_) => operation.outcome == Outcome::Info,
        None => {
            operation.outcome == Outcome::Fail
                && operation.error == Some(ErrorKind::NotSent)
                && operation.latency_us() >= 300_000
        }
    });
}

#[tokio::test]
async fn attempts_that_hang_do_not_block_others() {
    let turns = vec![Behaviour::Hang, Behaviour::Answer(OK), Behaviour::Answer(OK)];
    let server = Server::start(Behaviour::Turns(turns)).await;
    let outcome = run(plan(get(), server.address)).await;
    let ok = outcome.operations.iter().filter(|operation| operation.outcome == Outcome::Ok);
    let ok: Vec<u64> = ok.map(standfast_history::Operation::latency_us).collect();
    assert_eq!(ok.len(), 66, "100 requests, of which the first and every third after it hang");
    let fast = ok.iter().filter(|latency| u128::from(**latency) < PATIENCE.as_micros() / 2).count();
    assert!(fast >= 55, "{ok:?}");
}

#[tokio::test]
async fn a_server_that_does_everything_at_once_loses_no_operation() {
    let slow = Behaviour::AnswerAfter(Duration::from_millis(40), OK);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let turns = vec![
        Behaviour::Answer(OK),
        Behaviour::Reset,
        Behaviour::Hang,
        Behaviour::Answer(chunked),
        slow,
        Behaviour::Answer("garbage\r\n"),
        Behaviour::AnswerAndClose(OK),
        Behaviour::AnswerAndClose("HTTP/1.1 200 OK\r\n\r\nuntil the end"),
    ];
    let server = Server::start(Behaviour::Turns(turns)).await;
    for connections_max in [1, 3, 256] {
        let plan = LoadPlan {
            connections_max,
            arrivals: Arrivals::Poisson,
            rate_per_s: 500.0,
            timeout: IMPATIENCE,
            ..plan(post(), server.address)
        };
        let outcome = run(plan).await;
        assert!(outcome.operations.iter().any(|operation| operation.outcome == Outcome::Ok));
        assert!(outcome.operations.iter().any(|operation| operation.outcome == Outcome::Info));
    }
}

#[tokio::test]
async fn connections_are_reused_and_a_close_while_idle_costs_no_attempt() {
    let server = Server::start(Behaviour::Answer(OK)).await;
    let outcome = run(LoadPlan { rate_per_s: 50.0, ..plan(get(), server.address) }).await;
    check_all(&outcome.operations, |operation| operation.outcome == Outcome::Ok);
    let opened = server.connections.load(Ordering::Relaxed);
    assert!(opened < 10, "{opened} connections for 25 requests in turn");

    // The server closes without announcing it, 100 ms before the connection is needed again. On a
    // busy machine its close may come so late that it meets an attempt, now and then.
    let server = Server::start(Behaviour::AnswerAndClose(OK)).await;
    let (rate_per_s, duration) = (10.0, Duration::from_secs(1));
    let outcome = run(LoadPlan { rate_per_s, duration, ..plan(get(), server.address) }).await;
    let is_ok = |operation: &&Operation| operation.outcome == Outcome::Ok;
    let answered = outcome.operations.iter().filter(is_ok).count();
    assert!(answered > 5, "of ten, nine would meet a close that nobody notices: {answered}");
}

#[tokio::test]
async fn plans_run_side_by_side_and_stop_when_told() {
    let server = Server::start(Behaviour::Answer(OK)).await;
    let nobody = refusing_address().await;
    let long = Duration::from_secs(600);
    let plans = vec![
        LoadPlan { duration: long, ..plan(get(), server.address) },
        LoadPlan { duration: long, ..plan(get(), nobody) },
        LoadPlan { start: long, ..plan(get(), server.address) },
    ];
    let load = standfast_loadgen::start(plans, Instant::now()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while load.progress()[0].recent_p99_us.is_none() || load.progress()[1].failed < 10 {
        assert!(Instant::now() < deadline, "{:?}", load.progress());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    load.stop();
    let outcomes = load.finish().await;
    outcomes.iter().for_each(check_complete);
    check_all(&outcomes[0].operations, |operation| operation.outcome == Outcome::Ok);
    check_all(&outcomes[1].operations, |operation| operation.outcome == Outcome::Fail);
    assert_eq!(outcomes[2].operations, []);
}

#[tokio::test]
async fn load_whose_origin_is_to_come_waits_for_it() {
    let server = Server::start(Behaviour::Answer(OK)).await;
    let origin = Instant::now() + Duration::from_millis(200);
    let load = standfast_loadgen::start(vec![plan(get(), server.address)], origin).unwrap();
    let outcome = load.finish().await.pop().unwrap();
    assert!(Instant::now() >= origin + Duration::from_millis(495), "the last is due then");
    check_complete(&outcome);
    assert_eq!(outcome.intended, 100);
    check_all(&outcome.operations, |operation| operation.outcome == Outcome::Ok);

    let never = Instant::now() + Duration::from_secs(3600);
    let load = standfast_loadgen::start(vec![plan(get(), server.address)], never).unwrap();
    load.stop();
    assert_eq!(load.finish().await[0].operations, []);
}

#[tokio::test]
async fn dropping_load_ends_it_at_once() {
    let server = Server::start(Behaviour::Hang).await;
    let hour = Duration::from_secs(3600);
    let plan = LoadPlan { duration: hour, timeout: hour, ..plan(get(), server.address) };
    let begun = Instant::now();
    let load = standfast_loadgen::start(vec![plan], begun).unwrap();
    while load.progress()[0].intended == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(load);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_plan_that_cannot_be_delivered_is_refused() {
    let target = refusing_address().await;
    let check = |plan: LoadPlan, reason: &str| {
        let error = standfast_loadgen::start(vec![plan], Instant::now()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    check(LoadPlan { rate_per_s: 0.0, ..plan(get(), target) }, "a rate of 0 per second");
    check(LoadPlan { rate_per_s: f64::NAN, ..plan(get(), target) }, "a rate of NaN per second");
    check(LoadPlan { rate_per_s: 1e9, ..plan(get(), target) }, "500000000 attempts");
    check(LoadPlan { timeout: Duration::ZERO, ..plan(get(), target) }, "timeout of zero");
    check(LoadPlan { connections_max: 0, ..plan(get(), target) }, "0 connections");
    assert!(standfast_loadgen::start(Vec::new(), Instant::now()).is_err());
}
