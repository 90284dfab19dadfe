use spacecraft_core::observer::{Event, Observer, Outcome};

use crate::shared::Shared;

/// An observer that remembers what it was told.
#[derive(Debug, Clone, Default)]
pub struct RecordingObserver(Shared<Vec<Event>>);

impl RecordingObserver {
    /// Everything it was told, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().clone()
    }

    /// The steps that were through, with what each did.
    #[must_use]
    pub fn steps(&self) -> Vec<(String, Outcome)> {
        let done = |event| match event {
            Event::StepDone { step, outcome } => Some((step, outcome)),
            _ => None,
        };
        self.events().into_iter().filter_map(done).collect()
    }

    /// What was waited for and why, as `what: why`.
    #[must_use]
    pub fn waits(&self) -> Vec<String> {
        let waiting = |event| match event {
            Event::Waiting { what, why, .. } => Some(format!("{what}: {why}")),
            _ => None,
        };
        self.events().into_iter().filter_map(waiting).collect()
    }

    /// The texts of all warnings.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let warning = |event| match event {
            Event::Warning { text } => Some(text),
            _ => None,
        };
        self.events().into_iter().filter_map(warning).collect()
    }
}

impl Observer for RecordingObserver {
    fn observe(&self, event: &Event) {
        self.0.lock().push(event.clone());
    }
}
