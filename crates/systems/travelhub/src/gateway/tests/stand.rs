//! A gateway before services of this test, with everything on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::assembly::Gateway;
use super::super::entrance;
use super::super::settings::Settings;
use super::client::Client;
use super::origin::Origin;
use crate::service::environment::Environment;
use crate::service::server;

/// What a machine that builds beside the test may take for what should be there at once.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Stand {
    pub(super) search: Origin,
    pub(super) reservations: Origin,
    /// All the others.
    pub(super) others: Origin,
    pub(super) address: SocketAddr,
    pub(super) gateway: Arc<Gateway>,
    folder: PathBuf,
    _tasks: JoinSet<()>,
}

impl Stand {
    pub(super) async fn start() -> Self {
        Self::start_without("").await
    }

    /// Without the tactics of that list.
    pub(super) async fn start_without(tactics: &str) -> Self {
        // A test beside builds is late for reasons of its own.
        Self::start_with(tactics, "256").await
    }

    /// With a limit of requests at once that does not change.
    pub(super) async fn start_limited(limit: &str) -> Self {
        Self::start_with("", limit).await
    }

    async fn start_with(tactics: &str, limit: &str) -> Self {
        let (search, reservations, others) =
            (Origin::start().await, Origin::start().await, Origin::start().await);
        let url = |origin: &Origin| format!("http://{}", origin.address);
        let name = format!("standfast-gateway-{}", uuid::Uuid::now_v7());
        let folder = std::env::temp_dir().join(name);
        let (search_url, reservations_url) = (url(&search), url(&reservations));
        let (others_url, journal) = (url(&others), folder.display().to_string());
        let environment = [
            ("SEARCH_URLS", search_url.as_str()),
            ("RESERVATIONS_URLS", &reservations_url),
            ("INVENTORY_URLS", &others_url),
            ("MONITOR_URLS", &others_url),
            ("WEB_URLS", &others_url),
            ("JOURNAL_DIR", &journal),
            ("BREAK_BASE", "50ms"),
            ("BREAK_MAX", "200ms"),
            ("CONCURRENCY_MIN", limit),
            ("CONCURRENCY_FIRST", limit),
            ("CONCURRENCY_MAX", limit),
            ("STANDFAST_RUN_TOKEN", "word"),
            ("STANDFAST_WITHOUT", tactics),
        ];
        let settings = Settings::read(&Environment::of(&environment)).unwrap();
        let (gateway, mut tasks) = Gateway::try_new(&settings, 7).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&gateway);
        tasks.spawn(async move {
            let serve =
                |stream, client, stop| entrance::serve(Arc::clone(&served), stream, client, stop);
            server::accept(listener, 1000, std::future::pending(), serve).await;
        });
        Self { search, reservations, others, address, gateway, folder, _tasks: tasks }
    }

    pub(super) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Asks until the answer is so.
    pub(super) async fn until(&self, path: &str, is_so: impl Fn(&super::client::Got) -> bool) {
        let mut client = self.client().await;
        let asked = async {
            while !is_so(&client.get(path).await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, asked).await.expect("it comes to be so in time");
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
