//! Asks both servers of the orders, again and again, whether they take writes: never two at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use crate::saga::{SERVERS, Saga};

const TAKES_WRITES: &str = "SELECT NOT pg_is_in_recovery()";

/// A server that is frozen answers nothing, and then nobody learns that it takes writes.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

async fn connect(url: &str) -> Option<Client> {
    let connected = timeout(ANSWER_TIME_MAX, tokio_postgres::connect(url, NoTls)).await;
    let (client, connection) = connected.ok()?.ok()?;
    // It ends with the client.
    tokio::spawn(connection);
    Some(client)
}

async fn takes_writes(client: &Client) -> bool {
    let asked = timeout(ANSWER_TIME_MAX, client.query_one(TAKES_WRITES, &[])).await;
    asked.is_ok_and(|answer| answer.is_ok_and(|row| row.get(0)))
}

/// Which servers take writes now.
pub(crate) async fn writable(saga: &Saga) -> Vec<&'static str> {
    let mut writable = Vec::new();
    for server in SERVERS {
        let url = saga.instance.admin_url(server).expect("it is ours");
        if let Some(client) = connect(url).await
            && takes_writes(&client).await
        {
            writable.push(server);
        }
    }
    writable
}

/// Looks for a second writer until it is told to end.
pub(crate) struct Lookout {
    end: Arc<Notify>,
    /// How often one writer was seen, and how often two.
    task: JoinHandle<(u64, u64)>,
}

impl Lookout {
    pub(crate) fn start(saga: &Saga) -> Self {
        let urls = SERVERS.map(|server| saga.instance.admin_url(server).map(str::to_owned));
        let [first, second] = urls.map(|url| url.expect("it is ours"));
        let end = Arc::new(Notify::new());
        let over = Arc::clone(&end);
        let task = tokio::spawn(async move {
            let (mut looks, mut doubles) = (0, 0);
            loop {
                tokio::select! {
                    () = over.notified() => return (looks, doubles),
                    () = sleep(BETWEEN_LOOKS) => {}
                }
                let (Some(one), other) = (connect(&first).await, connect(&second).await) else {
                    continue;
                };
                if !takes_writes(&one).await {
                    continue;
                }
                looks += 1;
                // By the same session before and after, the first one is the same process all the
                // time, and a writer at the moment when the second one is.
                if let Some(other) = other
                    && takes_writes(&other).await
                    && takes_writes(&one).await
                {
                    doubles += 1;
                }
            }
        });
        Self { end, task }
    }

    /// Fails when two were writable at once.
    pub(crate) async fn end(self) {
        self.end.notify_one();
        let (looks, doubles) = self.task.await.expect("it looks until the end");
        assert!(looks > 0, "it has never seen a writer");
        assert_eq!(doubles, 0, "two servers took writes at once, in {looks} looks");
    }
}
