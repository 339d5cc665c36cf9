//! Clients that open a connection for each request, as scripts and many web servers do: what a
//! switchover owes them is an answer, late if need be, and never an error.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use standfast_engines::EngineKind;
use tokio::time::{Instant, timeout};
use tokio_postgres::NoTls;

/// The proxy holds a connection for as long while nobody is primary.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A request: when it was sent, how long it took, and what went wrong.
#[derive(Clone, Debug)]
struct Request {
    sent: Instant,
    took: Duration,
    problem: Option<String>,
}

/// What became of all requests.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Request>>>);

impl Requests {
    /// Sends one after the other, for ever.
    pub(crate) async fn send_always(self, kind: EngineKind, url: String, client: u32) {
        for sequence in 0_u64.. {
            let insert = format!("INSERT INTO kept VALUES ({client}, {sequence})");
            let sent = Instant::now();
            let answer = async {
                if kind == EngineKind::Postgres {
                    ask_postgres(&url, &insert).await
                } else {
                    ask_mysql(&url, &insert).await
                }
            };
            let answer = timeout(ANSWER_WITHIN, answer).await;
            let problem = match answer {
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(problem),
                Err(_elapsed) => Some("no answer".to_owned()),
            };
            self.0.lock().unwrap().push(Request { sent, took: sent.elapsed(), problem });
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// What went wrong, of all.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().filter_map(|request| request.problem.clone()).collect()
    }

    /// The longest that one of those that were sent since `start` took.
    pub(crate) fn longest_since(&self, start: Instant) -> Duration {
        let requests = self.0.lock().unwrap();
        let since = requests.iter().filter(|request| request.sent + request.took >= start);
        since.map(|request| request.took).max().unwrap_or_default()
    }
}

async fn ask_postgres(url: &str, insert: &str) -> Result<(), String> {
    let text = |error: tokio_postgres::Error| format!("{error:?}");
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(text)?;
    let work = async move {
        client.batch_execute(insert).await.map_err(text)?;
        drop(client);
        Ok(())
    };
    // The connection ends when its client is dropped; how, says nothing of the request.
    let (done, _ended) = tokio::join!(work, connection);
    done
}

async fn ask_mysql(url: &str, insert: &str) -> Result<(), String> {
    let text = |error: mysql_async::Error| error.to_string();
    let options = Opts::from_url(url).map_err(|error| error.to_string())?;
    let options = OptsBuilder::from_opts(options).prefer_socket(false);
    let mut connection = Conn::new(options).await.map_err(text)?;
    connection.query_drop(insert).await.map_err(text)?;
    drop(connection.disconnect().await);
    Ok(())
}
