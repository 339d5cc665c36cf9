//! A new data folder, formatted by Kafka's own tool.

use std::fmt::Write;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::class_archive;
use super::configuration::{self, CONFIGURATION_FILE};
use super::server::java;
use crate::engine::{EngineError, Site};
use crate::home::Home;
use crate::process::CommandSpec;

/// It takes a second, and several on a busy machine.
const FORMAT_WITHIN: Duration = Duration::from_secs(60);

/// As long as the identifiers that Kafka makes itself.
const CLUSTER_ID_LENGTH: usize = 22;

/// Makes the data folder.
pub(crate) async fn create(site: &Site, home: &Home) -> Result<(), EngineError> {
    let archive = class_archive::ensure(site, home).await?;
    format(site).await?;
    archive.map_or(Ok(()), |archive| class_archive::link(site, &archive))
}

/// Makes a data folder that a broker can be started in.
pub(super) async fn format(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()?;
    configuration::write(site)?;
    let cluster = cluster_id(site);
    let arguments = ["kafka.tools.StorageTool", "format", "--cluster-id", &cluster, "--config"];
    let command =
        CommandSpec { directory: Some(site.spec.data.clone()), ..java(site, Site::command)? };
    let command = command.arguments(arguments).arguments([CONFIGURATION_FILE]);
    site.run(command, FORMAT_WITHIN).await.map(drop)
}

/// The same for all members of a cluster, and another one for every other cluster: a broker refuses
/// to speak with one of a strange cluster, whoever has taken over its peer's port.
fn cluster_id(site: &Site) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("kafka {} ", site.spec.secrets.cache));
    for member in site.spec.members() {
        hash.update(format!("{}@{}:{} ", member.node, member.address, member.port));
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text.truncate(CLUSTER_ID_LENGTH);
    text
}
