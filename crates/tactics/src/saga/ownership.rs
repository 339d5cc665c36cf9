//! Who drives a saga: one process at a time, and how a late one is kept from the journal.

/// What the journal says of its driver. The epoch only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Names the driver, for people.
    pub owner: String,
    /// Grows with each driver, also when one takes over from itself after a restart.
    pub epoch: u64,
}

/// A write by a driver that another one has taken over from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("epoch {written} is over: `{owner}` drives since epoch {epoch}")]
pub struct Fenced {
    written: u64,
    owner: String,
    epoch: u64,
}

impl Ownership {
    /// The next driver, after `current` if there was one. To be made durable by compare-and-set,
    /// under a lock or as a row `WHERE epoch = current.epoch`, before anything is driven.
    #[must_use]
    pub fn taken_over(current: Option<&Self>, owner: &str) -> Self {
        let epoch = current.map_or(0, |current| current.epoch) + 1;
        Self { owner: owner.to_owned(), epoch }
    }

    /// Whether a driver of `epoch` may still write here.
    ///
    /// # Errors
    /// When another one has taken over. It must stop then, and make no call.
    pub fn check(&self, epoch: u64) -> Result<(), Fenced> {
        if epoch == self.epoch {
            return Ok(());
        }
        Err(Fenced { written: epoch, owner: self.owner.clone(), epoch: self.epoch })
    }
}
