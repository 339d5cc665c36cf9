//! The configuration that we write, rewritten at every start because ports move.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::engine::{EngineError, EngineSpec, Site};

pub(super) const CONFIGURATION_FILE: &str = "haproxy.cfg";

/// Takes the commands of whoever decides which server is ready.
const SOCKET: &str = "admin.sock";

/// Makes the data folder.
pub(crate) fn create(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()?;
    prepare(site)
}

/// Whether `folder` is one of an HAProxy that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join(CONFIGURATION_FILE).is_file()
}

/// Writes the configuration for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    site.write(&site.spec.data.join(CONFIGURATION_FILE), &render(&site.spec))
}

/// Where it takes commands; only its own user and root may give any.
pub(crate) fn socket(site: &Site) -> PathBuf {
    site.spec.data.join(SOCKET)
}

fn render(spec: &EngineSpec) -> String {
    let mut text = format!(
        "# Written by standfast at every start; changes are lost.\n\
         global\n\
         \x20   log stderr format raw daemon notice\n\
         \x20   stats socket {SOCKET} mode 600 level admin\n\
         \x20   stats timeout 1h\n\
         \x20   nbthread 1\n\
         defaults\n\
         \x20   mode tcp\n\
         \x20   log global\n\
         \x20   timeout connect 1s\n\
         \x20   timeout client 1h\n\
         \x20   timeout server 1h\n\
         \x20   timeout queue 5s\n\
         \x20   retries 3\n\
         \x20   option redispatch 1\n\
         listen {}\n\
         \x20   bind {}:{}\n",
        spec.name,
        spec.address(),
        spec.port
    );
    for backend in &spec.backends {
        writeln!(text, "    server {} {} disabled", backend.name, backend.address)
            .expect("a string takes any text");
    }
    text
}
