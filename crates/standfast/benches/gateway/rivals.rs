//! How each rival is told to be a plain reverse proxy that keeps its connections to the origin, and
//! where its program is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// As many threads as cores.
pub(crate) fn haproxy(listen: SocketAddr, origin: SocketAddr) -> String {
    format!(
        "global\n  maxconn 9000\n\
         defaults\n  mode http\n  http-reuse always\n  timeout connect 10s\n  timeout client 1h\n  \
         timeout server 1h\n  timeout http-keep-alive 1h\n\
         listen gateway\n  bind {listen}\n  option forwardfor\n  server origin {origin}\n"
    )
}

/// As many workers as cores. It logs nothing, as the others do.
pub(crate) fn nginx(listen: SocketAddr, origin: SocketAddr, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off;\npid {folder}/nginx.pid;\nworker_processes auto;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 18000; }}\n\
         http {{\n  access_log off;\n  keepalive_timeout 1h;\n  keepalive_requests 1000000000;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  \
         fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  \
         scgi_temp_path {folder}/scgi;\n  \
         upstream origin {{ server {origin}; keepalive 128; \
         keepalive_requests 1000000000; }}\n  \
         server {{\n    listen {listen} backlog=4096;\n    location / {{\n      \
         proxy_pass http://origin;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      \
         proxy_set_header X-Forwarded-For $remote_addr;\n      proxy_max_temp_file_size 0;\n    \
         }}\n  }}\n}}\n"
    )
}

pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where Debian puts servers, which is not on everybody's PATH.
    let servers = PathBuf::from("/usr/sbin");
    let mut folders = std::env::split_paths(&path).chain([servers]);
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()))
}
