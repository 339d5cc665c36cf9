//! Lies that only the service itself can tell: those under a signature.
//!
//! What a service has signed cannot be changed around it without anybody noticing, and a replica
//! that has gone over to the enemy has its key. So the layer tells the service how to misbehave in
//! the extensions of the request, and a service that signs its answers obeys and says so in those
//! of the response. One that knows nothing of it answers as ever, and the fault has no effect.

/// How a service is to lie about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misconduct {
    /// Says and signs what is higher by `shift`.
    Incorrect { shift: i64 },
    /// Says what is higher by `shift`, under a signature that is not its own.
    Forge { shift: i64 },
    /// Tells and signs the truth to one, and what is higher by `shift` to another.
    Equivocate { shift: i64 },
    /// Answers with what it signed before, for another question.
    Replay,
}

/// Stands in the extensions of a response that is such a lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed;
