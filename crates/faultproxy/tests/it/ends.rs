//! How connections end: an end is passed on as an end, a reset as a reset.

use std::io::ErrorKind;

use standfast_faultproxy::toxic::{ResetPeer, Timeout, ToxicKind};
use standfast_faultproxy::{ProxyChange, ProxyDeclaration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Place, downstream, soon, start, until};

/// All that comes until the end.
async fn read_all(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut received = Vec::new();
    soon("the end of a stream", stream.read_to_end(&mut received)).await?;
    Ok(received)
}

async fn sees_reset(stream: &mut TcpStream) {
    let error = read_all(stream).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_that_finishes_sending_still_gets_its_answer() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.unwrap(), b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await.unwrap(), b"answer");
    until("both ends are noticed", || place.proxy.list()[0].counters.connections_live == 0).await;
    let counters = place.proxy.get("p").unwrap().counters;
    assert_eq!((counters.upstream.received_bytes, counters.upstream.sent_bytes), (8, 8));
    assert_eq!((counters.downstream.received_bytes, counters.downstream.sent_bytes), (6, 6));
}

#[tokio::test]
async fn a_server_that_finishes_sending_still_gets_what_comes() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    server.write_all(b"banner").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), b"banner");
    client.write_all(b"more").await.unwrap();
    drop(client);
    assert_eq!(read_all(&mut server).await.unwrap(), b"more");
}

#[tokio::test]
async fn a_reset_by_one_side_reaches_the_other() {
    let place = Place::new().await;
    let (client, mut server) = place.pair().await;
    client.set_zero_linger().unwrap();
    drop(client);
    sees_reset(&mut server).await;
    let (mut client, server) = place.pair().await;
    server.set_zero_linger().unwrap();
    drop(server);
    sees_reset(&mut client).await;
}

#[tokio::test]
async fn what_a_server_sent_before_it_reset_arrives() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    server.write_all(b"last words").await.unwrap();
    let mut received = [0; 10];
    soon("the last words", client.read_exact(&mut received)).await.unwrap();
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(&received, b"last words");
    sees_reset(&mut client).await;
}

#[tokio::test]
async fn every_live_connection_can_be_reset_on_both_sides() {
    let place = Place::new().await;
    let (mut first_client, mut first_server) = place.pair().await;
    let (mut second_client, mut second_server) = place.pair().await;
    assert_eq!(place.proxy.reset_connections("p").unwrap(), 2);
    for stream in [&mut first_client, &mut first_server, &mut second_client, &mut second_server] {
        sees_reset(stream).await;
    }
    let (mut client, mut server) = place.pair().await;
    client.write_all(b"new").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.unwrap(), b"new", "new ones are not concerned");
}

#[tokio::test]
async fn a_reset_peer_added_later_resets_live_connections() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    let toxic = downstream(ToxicKind::ResetPeer(ResetPeer { timeout: 0 }));
    place.proxy.add_toxic("p", toxic).unwrap();
    place.adopted().await;
    server.write_all(b"never arrives").await.unwrap();
    sees_reset(&mut client).await;
}

#[tokio::test]
async fn a_timeout_that_is_taken_away_closes_the_connection() {
    let place = Place::new().await;
    let toxic = downstream(ToxicKind::Timeout(Timeout { timeout: 0 })).named("t");
    place.proxy.add_toxic("p", toxic).unwrap();
    let (mut client, mut server) = place.pair().await;
    server.write_all(b"dropped").await.unwrap();
    until("it came", || place.proxy.toxic("p", "t").unwrap().tally.dropped_bytes == 7).await;
    place.proxy.remove_toxic("p", "t").unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    assert_eq!(read_all(&mut server).await.unwrap(), b"");
}

#[tokio::test]
async fn disabling_and_deleting_close_connections_and_the_port() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    let off = ProxyChange { enabled: Some(false), ..ProxyChange::default() };
    let view = place.proxy.update("p", off).await.unwrap();
    assert!(!view.enabled);
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    assert_eq!(read_all(&mut server).await.unwrap(), b"");
    let refused = TcpStream::connect(&view.listen).await.expect_err("a closed port");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let on = ProxyChange { enabled: Some(true), ..ProxyChange::default() };
    assert_eq!(place.proxy.update("p", on).await.unwrap().listen, view.listen);
    let (mut client, mut server) = place.pair().await;
    place.proxy.delete("p").await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    assert_eq!(read_all(&mut server).await.unwrap(), b"");
    let refused = TcpStream::connect(&view.listen).await.expect_err("a closed port");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_server_that_refuses_ends_the_client_even_when_it_has_spoken() {
    let proxy = start();
    // A port that nobody listens on: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let view = proxy.create(ProxyDeclaration::local("p", free.to_string())).await.unwrap();
    let mut client = TcpStream::connect(&view.listen).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let ended = read_all(&mut client).await;
    // Bytes that arrive while it is being closed are answered with a reset by the kernel.
    assert!(ended.as_ref().map_or(true, Vec::is_empty), "{ended:?}");
    until("it is counted", || proxy.get("p").unwrap().counters.dials_failed == 1).await;
    let mut silent = TcpStream::connect(&view.listen).await.unwrap();
    assert_eq!(read_all(&mut silent).await.unwrap(), b"", "a clean end");
}
