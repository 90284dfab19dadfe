//! The operator's wish to stop, as operations see it.

use tokio::sync::watch;

use crate::error::{Error, Meaning, Result};

/// Says whether no new work should be started.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

/// Makes an [`Interrupt`] true.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

/// A wish that has not been made yet, and the handle that makes it.
#[must_use]
pub fn interrupt() -> (Interrupter, Interrupt) {
    let (sender, receiver) = watch::channel(false);
    (Interrupter(sender), Interrupt(receiver))
}

impl Interrupter {
    /// Asks operations to start nothing new.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// A wish that is never made.
    #[must_use]
    pub fn never() -> Self {
        interrupt().1
    }

    /// True once the wish was made.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the wish is made; never, when nobody can make it any more.
    pub async fn stopped(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Fails with [`Meaning::Interrupted`] once the wish was made.
    ///
    /// # Errors
    ///
    /// That the operator asked to stop before `step`.
    pub fn check(&self, step: &str) -> Result<()> {
        if self.is_stopped() {
            return Err(interrupted(step));
        }
        Ok(())
    }

    /// `work`, unless the wish is made before it is through.
    ///
    /// # Errors
    ///
    /// What `work` fails with, or that the operator asked to stop.
    pub async fn or<T>(&self, step: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.stopped() => Err(interrupted(step)),
        }
    }
}

/// That the operator asked to stop before `step` was through.
pub(crate) fn interrupted(step: &str) -> Error {
    Error::new(Meaning::Interrupted, "run step", step, "the operator asked to stop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_ends_when_the_operator_asks_to_stop() {
        let (interrupter, interrupt) = interrupt();
        assert!(interrupt.check("cluster").is_ok());
        interrupter.stop();
        assert_eq!(interrupt.check("cluster").unwrap_err().meaning(), Meaning::Interrupted);
        let never = interrupt.or("cluster", std::future::pending::<Result<()>>()).await;
        assert_eq!(never.unwrap_err().meaning(), Meaning::Interrupted);
    }

    #[tokio::test]
    async fn work_that_nobody_can_stop_runs_to_its_end() {
        assert_eq!(Interrupt::never().or("cluster", async { Ok(7) }).await.unwrap(), 7);
    }
}
