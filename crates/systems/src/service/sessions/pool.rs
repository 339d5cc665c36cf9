//! The sessions to one database. When one of them finds it gone, all that were kept are dropped at
//! once, and a keeper looks for it until it is back. Requests wait for as long as a change of the
//! primary takes, and are refused then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use standfast_tactics::deadline::Deadline;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::{sleep, timeout, timeout_at};

use super::{DatabaseError, Session};
use crate::service::events;
use crate::service::problem::Problem;

/// On one machine a session is there soon, or the server is not; a proxy waits in between.
const OPEN_TIME_MAX: Duration = Duration::from_millis(500);

/// How often an idle database is asked, so that one that hangs is found without a client.
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// A server that does not answer a probe by then hangs.
const PROBE_TIME_MAX: Duration = Duration::from_millis(500);

/// The first and the longest wait between two looks for a database that is away. A failover takes a
/// fraction of a second, so its end should not be slept through.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(100);

/// A change of the primary takes less. Whoever waited longer shall come back later.
const AWAY_TIME_MAX: Duration = Duration::from_millis(1500);

/// What clients are told while it is away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a pool is told from outside.
#[derive(Clone, Debug)]
pub(crate) struct PoolOptions<A> {
    /// Of the database in events and logs.
    pub(crate) name: String,
    pub(crate) address: A,
    /// More requests at once wait for a session.
    pub(crate) sessions_max: usize,
}

/// A database, and the sessions that are kept.
pub(crate) struct Database<S: Session> {
    options: PoolOptions<S::Address>,
    places: Semaphore,
    idle: Mutex<Vec<S>>,
    is_there: watch::Sender<bool>,
    /// How often it was lost. A session from before says nothing of the database after.
    losses: AtomicU64,
    /// Somebody has reason to think that it is gone.
    suspected: Notify,
}

/// A session for one piece of work; dropped without [`Lent::give_back`], it is closed, and the
/// server undoes what it had begun.
pub(crate) struct Lent<'a, S: Session> {
    session: Option<S>,
    database: &'a Database<S>,
    losses: u64,
    _place: SemaphorePermit<'a>,
}

impl<S: Session> Database<S> {
    /// A database that nobody has seen yet: it counts as away until [`Database::keep`] has.
    pub(crate) fn new(options: PoolOptions<S::Address>) -> Self {
        let places = Semaphore::new(options.sessions_max);
        Self {
            options,
            places,
            idle: Mutex::default(),
            is_there: watch::Sender::new(false),
            losses: AtomicU64::new(0),
            suspected: Notify::new(),
        }
    }

    pub(crate) fn is_there(&self) -> bool {
        *self.is_there.borrow()
    }

    /// Looks after the database for as long as the service lives.
    pub(crate) async fn keep(&self) {
        let mut wait = LOOK_AGAIN;
        // Only a database that was there is missed.
        let mut was_there = false;
        loop {
            if self.is_there() {
                // Nothing is lost either way: the probe tells.
                drop(timeout(PROBE_EVERY, self.suspected.notified()).await);
                continue_or_lose(self, self.probe_idle().await);
                wait = LOOK_AGAIN;
                continue;
            }
            match timeout(OPEN_TIME_MAX, self.look()).await {
                Ok(Ok(session)) => {
                    self.put_back(session);
                    self.is_there.send_replace(true);
                    tracing::info!(database = self.options.name, "the database is there");
                    if was_there {
                        events::report("recovered", &self.options.name, json!({}));
                    }
                    was_there = true;
                    continue;
                }
                Ok(Err(error)) => tracing::debug!(%error, "the database is not there yet"),
                Err(_) => tracing::debug!("the database did not answer"),
            }
            sleep(wait).await;
            wait = (wait * 2).min(LOOK_AGAIN_MAX);
        }
    }

    /// A session for one piece of work. One that is away is waited for, but not for long.
    pub(crate) async fn lend(&self, deadline: Deadline) -> Result<Lent<'_, S>, Problem> {
        let patience = deadline.cap(tokio::time::Instant::now(), AWAY_TIME_MAX).instant();
        loop {
            let mut is_there = self.is_there.subscribe();
            let back = is_there.wait_for(|is_there| *is_there);
            let is_back = matches!(timeout_at(patience, back).await, Ok(Ok(_)));
            if !is_back {
                return Err(away("the database is away"));
            }
            let place = timeout_at(deadline.instant(), self.places.acquire()).await;
            let place = place.map_err(|_| away("no session was free in time"))?;
            let place = place.map_err(|_| away("the service stops"))?;
            let losses = self.losses.load(Ordering::Relaxed);
            let kept = self.take_idle();
            let session = if kept.is_some() { kept } else { self.open(deadline).await? };
            if session.is_some() {
                return Ok(Lent { session, database: self, losses, _place: place });
            }
            // Whoever is the first to notice that it is gone waits for it as all others do.
        }
    }

    /// Has the database asked at once whether it is still there.
    pub(crate) fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// A new session; none if the database turns out to be away.
    async fn open(&self, deadline: Deadline) -> Result<Option<S>, Problem> {
        let until = deadline.cap(tokio::time::Instant::now(), OPEN_TIME_MAX).instant();
        match timeout_at(until, S::open(&self.options.address)).await {
            Ok(Ok(session)) => Ok(Some(session)),
            Ok(Err(error)) => {
                self.lose(&error);
                Ok(None)
            }
            Err(_) => {
                self.suspect();
                Err(away("no session could be opened in time"))
            }
        }
    }

    async fn look(&self) -> Result<S, DatabaseError> {
        let mut session = S::open(&self.options.address).await?;
        session.probe().await?;
        Ok(session)
    }

    /// Asks on a session of its own: the others may be waiting for something else.
    async fn probe_idle(&self) -> Result<(), DatabaseError> {
        let probe = async {
            let mut session = match self.take_idle() {
                Some(session) => session,
                None => S::open(&self.options.address).await?,
            };
            session.probe().await?;
            self.put_back(session);
            Ok(())
        };
        let silent = || DatabaseError::Away("it does not answer".to_owned());
        timeout(PROBE_TIME_MAX, probe).await.unwrap_or_else(|_| Err(silent()))
    }

    fn lose(&self, error: &DatabaseError) {
        self.idle().clear();
        if self.is_there.send_replace(false) {
            self.losses.fetch_add(1, Ordering::Relaxed);
            let name = &self.options.name;
            tracing::warn!(%error, database = name, "the database is away");
            events::report("detected", name, json!({ "cause": error.to_string() }));
        }
        self.suspect();
    }

    fn take_idle(&self) -> Option<S> {
        let mut idle = self.idle();
        while let Some(session) = idle.pop() {
            if !session.is_closed() {
                return Some(session);
            }
        }
        None
    }

    fn put_back(&self, session: S) {
        let mut idle = self.idle();
        if !session.is_closed() && idle.len() < self.options.sessions_max {
            idle.push(session);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<S>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn continue_or_lose<S: Session>(database: &Database<S>, probed: Result<(), DatabaseError>) {
    if let Err(error) = probed {
        database.lose(&error);
    }
}

impl<'a, S: Session> Lent<'a, S> {
    pub(crate) fn session(&mut self) -> &mut S {
        self.session.as_mut().expect("only giving back takes it")
    }

    /// Completes when the database was lost since this session was lent, and is there again.
    /// Whoever still waits on this session waits for nothing: one that is cut off says so to
    /// nobody. Until then it may have been slow only.
    pub(crate) fn replaced(&self) -> impl Future<Output = ()> + use<'a, S> {
        let (database, losses) = (self.database, self.losses);
        async move {
            let is_another =
                |is_there: &bool| *is_there && database.losses.load(Ordering::Relaxed) > losses;
            // The sender lives as long as the database.
            drop(database.is_there.subscribe().wait_for(is_another).await);
        }
    }

    /// Whether the database was not lost since this session was lent.
    fn is_current(&self) -> bool {
        self.losses == self.database.losses.load(Ordering::Relaxed)
    }

    /// Nothing is under way on it.
    pub(crate) fn give_back(mut self) {
        if let Some(session) = self.session.take().filter(|_| self.is_current()) {
            self.database.put_back(session);
        }
    }

    /// It failed; what that says of the database is noted. Answers whether another session may do
    /// better.
    pub(crate) fn failed(self, error: &DatabaseError) -> bool {
        match error {
            DatabaseError::Away(_) | DatabaseError::ReadOnly(_) => {
                if self.is_current() {
                    self.database.lose(error);
                }
                true
            }
            DatabaseError::Busy(_) => true,
            DatabaseError::Elsewhere(_) => false,
            DatabaseError::Refused(_) => {
                tracing::error!(%error, "a statement was refused");
                false
            }
        }
    }
}

impl<S: Session> std::fmt::Debug for Database<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address has a password.
        let name = &self.options.name;
        formatter.debug_struct("Database").field("name", name).finish_non_exhaustive()
    }
}

/// The answer while the database is away.
pub(crate) fn away(detail: &str) -> Problem {
    Problem::unavailable(RETRY_AFTER, format!("nothing was done: {detail}"))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};
    use std::sync::Arc;

    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    /// A connection that nobody reads from.
    struct Wire(TcpStream);

    impl Session for Wire {
        type Address = SocketAddr;

        async fn open(address: &SocketAddr) -> Result<Self, DatabaseError> {
            let stream = tokio::net::TcpStream::connect(address).await;
            let stream = stream.and_then(tokio::net::TcpStream::into_std);
            stream.map(Self).map_err(|error| DatabaseError::Away(error.to_string()))
        }

        fn is_closed(&self) -> bool {
            let looked = self.0.peek(&mut [0]);
            !matches!(looked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        }

        async fn probe(&mut self) -> Result<(), DatabaseError> {
            Ok(())
        }

        async fn run(&mut self, _sql: &'static str) -> Result<(), DatabaseError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn whoever_notices_first_that_it_is_gone_waits_for_it_like_all_others() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let options = PoolOptions { name: "stock".to_owned(), address, sessions_max: 2 };
        let database = Arc::new(Database::<Wire>::new(options));
        let keeper = tokio::spawn({
            let database = Arc::clone(&database);
            async move { database.keep().await }
        });
        let in_time = || Deadline::after(Instant::now(), Duration::from_secs(5));
        database.lend(in_time()).await.unwrap().give_back();
        // Its connections are reset, and the keeper has not looked yet.
        drop(server);
        assert!(database.is_there());
        let mut asking = Box::pin(database.lend(in_time()));
        let early = timeout(Duration::from_millis(50), &mut asking).await;
        assert!(early.is_err(), "neither lent nor refused while it is away");
        assert!(!database.is_there(), "it was noticed");
        let _server = TcpListener::bind(address).await.unwrap();
        assert!(asking.await.is_ok(), "its return was waited for");
        keeper.abort();
    }
}
