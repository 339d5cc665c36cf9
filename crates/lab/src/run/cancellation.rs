//! The wish to end early, which everything that waits listens to.

use tokio::sync::watch;

/// Told once, heard by all clones. Ending still heals and cleans up.
#[derive(Clone, Debug)]
pub struct Cancellation {
    told: watch::Sender<bool>,
}

impl Default for Cancellation {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancellation {
    pub fn new() -> Self {
        Self { told: watch::Sender::new(false) }
    }

    pub fn cancel(&self) {
        self.told.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.told.borrow()
    }

    /// Waits for [`Cancellation::cancel`].
    pub async fn cancelled(&self) {
        let mut told = self.told.subscribe();
        // The sender is `self`, which outlives this wait.
        drop(told.wait_for(|told| *told).await);
    }
}
