//! Where the contenders' programs come from, and how each is told to pass bytes on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use standfast_engines::process::{CommandSpec, Spawner};

/// The Go proxy's `latest` is 2.5.0: the version is pinned.
const TOXIPROXY: &str = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0";
const TOXIPROXY_FOLDER: &str = "toxiproxy-2.12.0";
const BUILD_WITHIN: Duration = Duration::from_secs(600);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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

/// As a package of it is used: as many threads as cores, and bytes through the kernel.
pub(super) fn haproxy(routes: &[Route], connections_max: usize) -> String {
    let mut text = format!(
        "global\n  maxconn {connections_max}\n\
         defaults\n  mode tcp\n  option splice-auto\n  timeout connect 10s\n  timeout client 1h\n  \
         timeout server 1h\n"
    );
    for Route { name, listen, upstream } in routes {
        text.push_str(&format!("listen {name}\n  bind {listen}\n  server origin {upstream}\n"));
    }
    text
}

/// As many workers as cores. Where streams are a module of their own, it is loaded.
pub(super) async fn nginx(
    spawner: &Spawner,
    program: &Path,
    routes: &[Route],
    folder: &Path,
) -> Result<String> {
    let spec = CommandSpec::new("nginx", program).arguments(["-V"]);
    let built = spawner.run(spec, ANSWER_WITHIN).await?;
    let flags = String::from_utf8_lossy(&built.stderr).into_owned();
    let modules = flags.split("--modules-path=").nth(1).and_then(|rest| rest.split(' ').next());
    let module = modules.map(|modules| Path::new(modules).join("ngx_stream_module.so"));
    let mut text = String::new();
    if let Some(module) = module.filter(|module| module.is_file()) {
        text.push_str(&format!("load_module {};\n", module.display()));
    }
    text.push_str(&format!(
        "daemon off;\npid {};\nworker_processes auto;\nworker_rlimit_nofile 40000;\n\
         events {{ worker_connections 32768; }}\nstream {{\n  proxy_timeout 1h;\n",
        folder.join("nginx.pid").display()
    ));
    for Route { listen, upstream, .. } in routes {
        text.push_str(&format!("  server {{ listen {listen}; proxy_pass {upstream}; }}\n"));
    }
    text.push_str("}\n");
    Ok(text)
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where Debian puts servers, which is not on everybody's PATH.
    let servers = PathBuf::from("/usr/sbin");
    let mut folders = std::env::split_paths(&path).chain([servers]);
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()))
}
