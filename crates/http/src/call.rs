use std::time::Duration;

/// What is attempted on what, and how often that may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// A verb phrase, such as `create cluster`.
    pub operation: String,
    /// What it is attempted on, such as a cluster's name.
    pub resource: String,
    /// What a repetition would do.
    pub idempotency: Idempotency,
    /// The time that all attempts together may take; none takes the policy's.
    pub deadline: Option<Duration>,
}

impl Call {
    /// The call of `operation` on `resource`.
    pub fn new(operation: impl Into<String>, resource: impl Into<String>, idempotency: Idempotency) -> Self {
        Self { operation: operation.into(), resource: resource.into(), idempotency, deadline: None }
    }
}

/// What doing a call once more would do, which decides when it may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// The call changes nothing: it is repeated after every passing failure.
    Safe,
    /// Doing it twice is doing it once: it is repeated after every passing failure, lost replies included.
    Idempotent,
    /// Doing it twice does it twice: it is repeated only when the first time certainly did nothing.
    NotRepeatable,
}
