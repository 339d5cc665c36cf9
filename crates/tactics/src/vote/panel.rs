//! How many replicas are asked, how many of them may be wrong, and how many must agree therefore.

/// What the voter assumes of its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Deterministic replicas that are fed by one log, and a voter that is trusted. A wrong replica
    /// says the same to everybody who asks in this vote, so 2f + 1 replicas are enough: among f + 1
    /// equal answers one is right.
    Masking {
        /// How many may be wrong.
        faults: usize,
    },
    /// Replicas that accept state from their askers and may tell each of them something else: any
    /// two quorums must then share a *right* replica, which takes 3f + 1 of them and
    /// ⌈(N + f + 1) / 2⌉ equal answers.
    ByzantineState {
        /// How many may be wrong.
        faults: usize,
    },
}

/// The replicas that are asked, as configured: who replies does not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panel {
    replicas: usize,
    required: usize,
    mode: Mode,
}

/// A panel that cannot keep its promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("vote: {replicas} replicas cannot stand {mode:?}, which needs at least {replicas_min}")]
pub struct PanelError {
    replicas: usize,
    replicas_min: usize,
    mode: Mode,
}

impl Panel {
    /// A panel of `replicas`.
    ///
    /// # Errors
    /// When they are too few for `mode`.
    pub fn try_new(replicas: usize, mode: Mode) -> Result<Self, PanelError> {
        let (replicas_min, required) = match mode {
            // With N = 2f + 1 a majority is f + 1. More replicas than that raise it, or two
            // classes could both be large enough.
            Mode::Masking { faults } => (2 * faults + 1, replicas / 2 + 1),
            Mode::ByzantineState { faults } => {
                (3 * faults + 1, (replicas + faults + 1).div_ceil(2))
            }
        };
        if replicas < replicas_min {
            return Err(PanelError { replicas, replicas_min, mode });
        }
        Ok(Self { replicas, required, mode })
    }

    /// How many are asked.
    pub fn replicas(self) -> usize {
        self.replicas
    }

    /// How many must agree. Always more than half of those that are configured.
    pub fn required(self) -> usize {
        self.required
    }

    /// What is assumed.
    pub fn mode(self) -> Mode {
        self.mode
    }
}
