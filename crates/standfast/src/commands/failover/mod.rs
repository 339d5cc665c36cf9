//! `standfast failover`: asks a watchdog, commands it, explains it, or is one.

mod advice;
mod changing;
mod cluster_file;
mod finding;
mod playbook;
mod postgres_recovery;
mod showing;
mod waiting;
mod watch;

use crate::cli::FailoverAction;
use crate::exit::{Answer, Exit};
use crate::output;

pub(super) async fn run(action: FailoverAction) -> Answer {
    match action {
        FailoverAction::Status { cluster, json, watchdog } => {
            let found = finding::several(&watchdog, cluster.as_deref()).await?;
            let statuses: Vec<_> = found.iter().map(|one| &one.status).collect();
            match (json, cluster) {
                (true, Some(_)) => output::json(&statuses.first()),
                (true, None) => output::json(&statuses),
                (false, _) => found.iter().for_each(showing::print),
            }
            Ok(Exit::Held)
        }
        FailoverAction::Playbook { cluster, watchdog } => {
            let found = finding::several(&watchdog, cluster.as_deref()).await?;
            found.iter().for_each(|one| output::result(playbook::text(one)));
            Ok(Exit::Held)
        }
        FailoverAction::Switchover { cluster, to, within, watchdog } => {
            let found = finding::one(&watchdog, cluster.as_deref()).await?;
            changing::switch_over(&found, to, within).await
        }
        FailoverAction::Reintegrate { cluster, node, within, watchdog } => {
            let found = finding::one(&watchdog, Some(&cluster)).await?;
            changing::reintegrate(&found, node, within).await
        }
        FailoverAction::Promote { cluster, node, allow_data_loss: _, yes, within, watchdog } => {
            let found = finding::one(&watchdog, Some(&cluster)).await?;
            changing::promote(&found, changing::Loss { node, is_confirmed: yes }, within).await
        }
        FailoverAction::Watch { config } => watch::run(&config).await,
    }
}
