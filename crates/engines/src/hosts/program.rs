//! The program `ip` of iproute2: how it is found and given its orders.

use std::path::PathBuf;
use std::time::Duration;

use super::error::HostsError;
use crate::process::{CommandSpec, Finished, Namespace, Spawner};

/// Where distributions put it; an ordinary user's `PATH` may lack the folders of root.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// It takes milliseconds, unless the kernel is busy removing namespaces, which it does one by one.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The program, and who runs it.
#[derive(Clone, Debug)]
pub(super) struct IpProgram {
    program: PathBuf,
    spawner: Spawner,
}

impl IpProgram {
    pub(super) fn find(spawner: &Spawner) -> Result<Self, HostsError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = FOLDERS.map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
        let program = folders.map(|folder| folder.join("ip")).find(|path| path.is_file());
        let program = program.ok_or(HostsError::NoProgram)?;
        Ok(Self { program, spawner: spawner.clone() })
    }

    /// Carries `orders` out, one per line, in `namespace` or else here. Stops at the first that
    /// fails.
    pub(super) async fn run(
        &self,
        action: &str,
        namespace: Option<&Namespace>,
        orders: &[String],
    ) -> Result<(), HostsError> {
        let finished = self.try_to(namespace, orders).await?;
        if finished.status.is_success() {
            return Ok(());
        }
        Err(HostsError::Refused {
            action: action.to_owned(),
            exit: finished.status,
            complaint: finished.complaint(),
        })
    }

    /// The same, with the outcome left to the caller to judge.
    pub(super) async fn try_to(
        &self,
        namespace: Option<&Namespace>,
        orders: &[String],
    ) -> Result<Finished, HostsError> {
        let command = CommandSpec {
            // Its messages are read, so it shall not translate them.
            inherit_environment: false,
            namespace: namespace.cloned(),
            input: orders
                .iter()
                .flat_map(|order| [order.as_str(), "\n"])
                .collect::<String>()
                .into(),
            ..CommandSpec::new("ip", &self.program)
        };
        Ok(self.spawner.run(command.arguments(["-batch", "-"]), ANSWER_WITHIN).await?)
    }
}
