//! Chance replays: which connections a toxic hits depends on the seed alone.

use standfast_faultproxy::toxic::{Timeout, Toxic, ToxicKind};
use standfast_faultproxy::{FaultProxy, Options, ProxyDeclaration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{downstream, soon};

/// Which of 40 connections, made one after the other, are closed by a toxic that hits half of them.
async fn hits(seed: u64, threads: usize) -> Vec<bool> {
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let options = Options { seed, threads: Some(threads), ..Options::default() };
    let proxy = FaultProxy::start(options).expect("threads");
    assert_eq!(proxy.seed(), seed);
    let toxic = downstream(ToxicKind::Timeout(Timeout { timeout: 1 }));
    let toxics = vec![Toxic { toxicity: 0.5, ..toxic }];
    let upstream = server.local_addr().expect("it is bound").to_string();
    let declaration = ProxyDeclaration { toxics, ..ProxyDeclaration::local("p", upstream) };
    let view = proxy.create(declaration).await.expect("a free port");
    let mut hits = Vec::new();
    for _ in 0..40 {
        let mut client = TcpStream::connect(&view.listen).await.expect("the port is open");
        let (mut accepted, _) = soon("the connection", server.accept()).await.expect("a socket");
        accepted.write_all(b"x").await.expect("it is open");
        let read = soon("a byte or an end", client.read(&mut [0])).await.expect("no reset");
        hits.push(read == 0);
    }
    hits
}

#[tokio::test]
async fn a_seed_replays_whom_toxics_hit_whatever_the_threads() {
    let first = hits(7, 1).await;
    assert_eq!(first, hits(7, 2).await);
    assert_ne!(first, hits(8, 2).await, "of 2^40 patterns");
    let hit = first.iter().filter(|hit| **hit).count();
    assert!((5..=35).contains(&hit), "{hit} of 40 at a toxicity of 0.5");
}
