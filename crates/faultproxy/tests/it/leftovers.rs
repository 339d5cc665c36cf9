//! Nothing is left of a fault proxy whose last handle is dropped.

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::hold::MANY_DESCRIPTORS;
use super::{Place, soon};

/// So many that what they would leave stands out from what tests beside this one do.
const ROUNDS: usize = 200;

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("a folder of /proc").count()
}

#[tokio::test]
async fn a_dropped_handle_leaves_no_thread_no_port_and_no_descriptor() {
    let _alone = MANY_DESCRIPTORS.lock().await;
    let counts = || (entries("/proc/self/task"), entries("/proc/self/fd"));
    let before = counts();
    for _ in 0..ROUNDS {
        let place = Place::new().await;
        let (mut client, mut server) = place.pair().await;
        let Place { proxy, view, .. } = place;
        let other_handle = proxy.clone();
        drop(proxy);
        assert_eq!(other_handle.list().len(), 1, "another handle keeps it");
        drop(other_handle);
        assert_eq!(soon("the client's end", client.read(&mut [0])).await.unwrap(), 0);
        assert_eq!(soon("the server's end", server.read(&mut [0])).await.unwrap(), 0);
        TcpListener::bind(&view.listen).await.expect("the port is free again");
    }
    let after = counts();
    println!("threads and descriptors: {before:?} before, {after:?} after {ROUNDS} rounds");
    // Each round had 3 threads, and at least 10 descriptors.
    assert!(after.0 < before.0 + ROUNDS, "threads");
    assert!(after.1 < before.1 + 2 * ROUNDS, "descriptors");
}
