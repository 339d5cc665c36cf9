//! `start_by_hand`: somebody starts a database that its watchdog keeps down, with the command that
//! he has always used. It is in effect when the server runs; what it is then its folder says, and
//! that is the question: one that was fenced must take no write, whoever starts it.

use standfast_engines::StoredRole;
use standfast_failover::actuator::wire::Answer;

use super::keeper::{Keeper, Revival};
use crate::fault::{Evidence, FaultError, FaultKind};

const KIND: FaultKind = FaultKind::StartByHand;

impl Keeper {
    /// Whoever starts it has given its machine power again, so that this ends a kill or a stop.
    pub(super) async fn start_by_hand(&mut self) -> Result<Evidence, FaultError> {
        let name = self.parts.name.clone();
        if self.parts.revival != Revival::Manager {
            let why = "no service decides on its role, so that it is started anyway".to_owned();
            return Err(FaultError::Impossible { kind: KIND, target: name, why });
        }
        if self.parts.unit.is_running() {
            return Err(FaultError::no_effect(KIND, &name, "it runs already"));
        }
        let role = self.stored_role().map_err(|why| FaultError::no_effect(KIND, &name, why))?;
        let held = self.hold.take();
        let launched = self.launch_node().await;
        let why = match launched {
            Ok(Answer::Running { pid, .. }) => {
                self.send(self.event("started_by_hand").with("role", role));
                return Ok(Evidence::now(Some(pid), format!("it runs again, as {role}")));
            }
            Ok(_ended) => "it ended at once".to_owned(),
            Err(problem) => problem,
        };
        self.hold = held;
        Err(FaultError::no_effect(KIND, &name, why))
    }

    /// What it is as soon as it runs, by its folder alone.
    fn stored_role(&self) -> Result<&'static str, String> {
        let role = self.engine()?.stored_role().map_err(|error| error.to_string())?;
        Ok(match role {
            StoredRole::Primary => "a primary",
            StoredRole::Replica { follows: None } => "a fenced server",
            StoredRole::Replica { follows: Some(_) } => "a replica",
        })
    }
}
