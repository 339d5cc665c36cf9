//! Toxics on real sockets: that their effect is felt, by whom, and that it is counted.

use std::time::Duration;

use standfast_faultproxy::toxic::{HttpStatus, Latency, LimitData, Toxic, ToxicKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{Place, downstream, soon, upstream};

#[tokio::test]
async fn a_latency_is_felt_by_a_live_connection_and_no_longer_when_it_is_removed() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    let latency = ToxicKind::Latency(Latency { latency: 300, jitter: 0 });
    place.proxy.add_toxic("p", downstream(latency).named("slow")).unwrap();
    place.adopted().await;
    let start = Instant::now();
    server.write_all(b"x").await.unwrap();
    soon("a late byte", client.read_exact(&mut [0])).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
    let tally = place.proxy.remove_toxic("p", "slow").unwrap().tally;
    assert_eq!((tally.connections, tally.bytes, tally.dropped_bytes), (1, 1, 0));

    // The same with nothing there, so that only the toxic can have been the cause.
    let start = Instant::now();
    server.write_all(b"x").await.unwrap();
    soon("a byte", client.read_exact(&mut [0])).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_toxic_for_other_clients_is_not_felt() {
    let kind = ToxicKind::LimitData(LimitData { bytes: 1 });
    let others = Toxic { client: "10.0.0.0/8".parse().unwrap(), ..upstream(kind.clone()) };
    let place = Place::with_toxics(vec![others]).await;
    let (mut client, mut server) = place.pair().await;
    client.write_all(b"whole").await.unwrap();
    let mut received = [0; 5];
    soon("all of it", server.read_exact(&mut received)).await.unwrap();

    let ours = Toxic { client: "127.0.0.0/8".parse().unwrap(), ..upstream(kind) };
    place.proxy.add_toxic("p", ours.named("ours")).unwrap();
    let (mut client, mut server) = place.pair().await;
    client.write_all(b"cut").await.unwrap();
    let mut received = Vec::new();
    soon("the limit", server.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received, b"c");
}

#[tokio::test]
async fn a_request_can_be_answered_without_its_server() {
    let kind = ToxicKind::HttpStatus(HttpStatus {
        status: 503,
        probability: 1.0,
        ..HttpStatus::default()
    });
    let place = Place::with_toxics(vec![upstream(kind)]).await;
    let (mut client, mut server) = place.pair().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("the answer", client.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let mut request = Vec::new();
    soon("the server's end", server.read_to_end(&mut request)).await.unwrap();
    assert_eq!(request, b"", "the server knows nothing of it");
}
