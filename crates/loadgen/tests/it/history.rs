//! What stands in the operations: facts of answers, and the same requests for the same seed.

use standfast_history::Outcome;
use standfast_loadgen::{Arrivals, LoadPlan};

use crate::server::{Behaviour, Server};
use crate::{PATIENCE, check_all, plan, run, scenario};

#[tokio::test]
async fn facts_of_the_answer_stand_in_the_operation() {
    let answer = "HTTP/1.1 200 OK\r\nX-Source: cache\r\nX-Stale: true\r\nAge: 3\r\nETag: \"9\"\r\n\
                  Content-Length: 16\r\n\r\n{\"price\":\"12.5\"}";
    let server = Server::start(Behaviour::Answer(answer)).await;
    let scenario = scenario(
        "service = 'offers'
        path = '/offers/{id}'
        variables.id = { sequence = { from = 1 } }
        observe = { key = 'offer-{id}', version = 'header:ETag', value = 'body:/price' }",
    );
    check_all(&run(plan(scenario, server.address)).await.operations, |operation| {
        operation.source.as_deref() == Some("cache")
            && operation.stale
            && operation.age_ms == Some(3000)
            && operation.version == Some(9)
            && operation.value.as_deref() == Some("12.5")
            && operation.key == Some(format!("offer-{}", operation.index + 1))
    });
}

#[tokio::test]
async fn a_lost_write_still_says_what_it_sent() {
    let server = Server::start(Behaviour::Reset).await;
    let scenario = scenario(
        "service = 'offers'
        method = 'PUT'
        path = '/offers/7'
        headers = { X-Price = '{price}' }
        variables.price = { sequence = { from = 100 } }
        observe = { key = '7', value = '{price}', version = 'header:ETag' }",
    );
    check_all(&run(plan(scenario, server.address)).await.operations, |operation| {
        operation.outcome == Outcome::Info
            && operation.key.as_deref() == Some("7")
            && operation.value == Some((operation.index + 100).to_string())
            && operation.version.is_none()
    });
}

#[tokio::test]
async fn the_same_seed_sends_the_same_requests_whatever_the_timing() {
    let server = Server::start(Behaviour::Echo).await;
    let scenario = scenario(
        "service = 'offers'
        path = '/offers?city={city}&day={day}'
        variables.city = { zipf = { from = 1, to = 500, exponent = 1.1 } }
        variables.day = { one_of = ['2027-03-01', 'a b', 3] }
        observe = { value = 'body:/head' }",
    );
    let mut requests = Vec::new();
    for (seed, connections_max) in [(7, 256), (7, 1), (8, 256)] {
        let plan = LoadPlan {
            seed,
            connections_max,
            arrivals: Arrivals::Poisson,
            ..plan(scenario.clone(), server.address)
        };
        let operations = run(plan).await.operations;
        let facts =
            operations.into_iter().map(|operation| (operation.intended_us, operation.value));
        requests.push(facts.collect::<Vec<_>>());
    }
    assert!(requests[0].iter().all(|(_, request)| request.is_some()), "{:?}", requests[0]);
    assert_eq!(requests[0], requests[1]);
    assert_ne!(requests[0], requests[2]);
}

#[tokio::test]
async fn the_deadline_that_is_left_travels_with_the_request() {
    let server = Server::start(Behaviour::Echo).await;
    let scenario = scenario(
        "service = 'offers'
        path = '/'
        headers = { X-Deadline-Ms = '{deadline_ms}' }
        observe = { value = 'body:/head' }",
    );
    check_all(&run(plan(scenario, server.address)).await.operations, |operation| {
        let request = operation.value.as_deref().unwrap_or_default();
        let left = request.split_once("X-Deadline-Ms: ").map(|(_, rest)| rest.lines().next());
        let left_ms: u64 = left.flatten().and_then(|text| text.parse().ok()).unwrap();
        let spent_us = operation.sent_us.unwrap() - operation.intended_us;
        let left_us = PATIENCE.as_micros() - u128::from(spent_us);
        // Whole milliseconds, rounded down.
        [left_us / 1000, (left_us - 1) / 1000].contains(&u128::from(left_ms))
    });
}
