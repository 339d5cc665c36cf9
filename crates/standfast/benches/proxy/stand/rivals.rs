//! Where the contenders' programs come from, and how each is told to pass bytes on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use standfast_engines::process::{CommandSpec, Spawner};

use super::descriptors::Descriptors;

/// The Go proxy's `latest` is 2.5.0: the version is pinned.
const TOXIPROXY: &str = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0";
const TOXIPROXY_FOLDER: &str = "toxiproxy-2.12.0";
const BUILD_WITHIN: Duration = Duration::from_secs(600);

/// What a proxy listens on, and what stands behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) name: &'static str,
    pub(super) listen: SocketAddr,
    pub(super) upstream: SocketAddr,
}

/// Toxiproxy's server as its authors wrote it, built once by this machine's Go.
pub(super) async fn build_toxiproxy(spawner: &Spawner, folder: &Path) -> Result<Option<PathBuf>> {
    let folder = folder.join(TOXIPROXY_FOLDER);
    let program = folder.join("server");
    if program.is_file() {
        return Ok(Some(program));
    }
    let Some(go) = on_path("go") else { return Ok(None) };
    std::fs::create_dir_all(&folder)?;
    let mut spec = CommandSpec::new("go", go).arguments(["install", TOXIPROXY]);
    spec.environment = vec![("GOBIN".into(), folder.into()), ("CGO_ENABLED".into(), "0".into())];
    let built = spawner.run(spec, BUILD_WITHIN).await?;
    ensure!(built.status.is_success(), "cannot build {TOXIPROXY}: {}", built.complaint());
    Ok(Some(program))
}

/// As many threads as cores, and large bodies through the kernel. By itself it would set a quarter
/// of all connections aside for that, which are more descriptors than there may be.
pub(super) fn haproxy(routes: &[Route], descriptors: Descriptors) -> String {
    let connections = descriptors.connections();
    let mut text = format!(
        "global\n  maxconn {connections}\n  maxpipes 64\n\
         defaults\n  mode tcp\n  option splice-auto\n  timeout connect 10s\n  timeout client 1h\n  \
         timeout server 1h\n"
    );
    for Route { name, listen, upstream } in routes {
        text.push_str(&format!("listen {name}\n  bind {listen}\n  server origin {upstream}\n"));
    }
    text
}

/// As many workers as cores. `flags` is what it says of its build: where streams are a module of
/// their own, that is loaded.
pub(super) fn nginx(
    flags: &str,
    routes: &[Route],
    Descriptors { limit }: Descriptors,
    folder: &Path,
) -> String {
    let modules = flags.split("--modules-path=").nth(1).and_then(|rest| rest.split(' ').next());
    let module = modules.map(|modules| Path::new(modules).join("ngx_stream_module.so"));
    let mut text = String::new();
    if let Some(module) = module.filter(|module| module.is_file()) {
        text.push_str(&format!("load_module {};\n", module.display()));
    }
    text.push_str(&format!(
        "daemon off;\npid {};\nworker_processes auto;\nworker_rlimit_nofile {limit};\n\
         events {{ worker_connections {limit}; }}\nstream {{\n  proxy_timeout 1h;\n",
        folder.join("nginx.pid").display()
    ));
    for Route { listen, upstream, .. } in routes {
        text.push_str(&format!("  server {{ listen {listen}; proxy_pass {upstream}; }}\n"));
    }
    text.push_str("}\n");
    text
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where Debian puts servers, which is not on everybody's PATH.
    let servers = PathBuf::from("/usr/sbin");
    let mut folders = std::env::split_paths(&path).chain([servers]);
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()))
}
