use std::collections::BTreeMap;

use spacecraft_core::observer::Outcome;
use spacecraft_core::{Effect, Error, Meaning, Result};

use crate::shared::Shared;

/// Counts the calls of one provider, or of all providers that share it, and lets chosen calls fail.
///
/// Calls are numbered from 1 in the order in which they begin. An operation is named `service.method`, such as
/// `objects.put` or `workloads.ensure_workload`.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Shared<Book>);

#[derive(Debug, Default)]
struct Book {
    calls: Vec<Call>,
    faults_by_number: BTreeMap<usize, Fault>,
    faults_by_operation: Vec<(String, Fault)>,
    last_allowed: Option<usize>,
    in_flight: BTreeMap<&'static str, usize>,
    peaks: BTreeMap<&'static str, usize>,
}

/// A call that a provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `service.method`.
    pub operation: &'static str,
    /// What it was about.
    pub resource: String,
    /// True when it changed something, or would have written all the same.
    pub write: bool,
}

/// How a call fails.
#[derive(Debug)]
pub enum Fault {
    /// It does nothing and fails with this error.
    Refused(Error),
    /// It does all it should, but its caller sees [`Meaning::Unavailable`] with [`Effect::Possible`].
    ReplyLost,
}

impl Fault {
    /// A refusal with this meaning.
    #[must_use]
    pub fn refused(meaning: Meaning) -> Self {
        Self::Refused(Error::new(meaning, "call", "", "the test wanted this call to fail"))
    }
}

impl Ledger {
    /// Makes the call with this number fail (the first is 1).
    pub fn fail_call(&self, number: usize, fault: Fault) {
        self.0.lock().faults_by_number.insert(number, fault);
    }

    /// Makes the next call of `operation` fail; several faults for the same operation are used up in order.
    pub fn fail_next(&self, operation: &str, fault: Fault) {
        self.0.lock().faults_by_operation.push((operation.to_owned(), fault));
    }

    /// Refuses every call after `number` with [`Meaning::Interrupted`], as if the process had been killed then.
    pub fn stop_after(&self, number: usize) {
        self.0.lock().last_allowed = Some(number);
    }

    /// Forgets faults that were not used up, and allows all calls again.
    pub fn clear_faults(&self) {
        let mut book = self.0.lock();
        book.faults_by_number.clear();
        book.faults_by_operation.clear();
        book.last_allowed = None;
    }

    /// Forgets the calls so far, so that numbers begin at 1 again.
    pub fn forget_calls(&self) {
        let mut book = self.0.lock();
        book.calls.clear();
        book.peaks.clear();
    }

    /// All calls, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().calls.clone()
    }

    /// How many calls there were.
    #[must_use]
    pub fn call_count(&self) -> usize {
        self.0.lock().calls.len()
    }

    /// How many calls wrote something.
    #[must_use]
    pub fn write_count(&self) -> usize {
        self.0.lock().calls.iter().filter(|call| call.write).count()
    }

    /// How many calls of `operation` there were.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.0.lock().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// The most calls of `operation` that were under way at the same time.
    #[must_use]
    pub fn most_at_once(&self, operation: &str) -> usize {
        self.0.lock().peaks.get(operation).copied().unwrap_or(0)
    }

    /// Notes that a call begins. It lets others run before it answers, so that calls meant to overlap do.
    pub(crate) async fn begin(&self, operation: &'static str, resource: &str) -> Result<OpenCall> {
        let index = self.note(operation, resource);
        let mut open = OpenCall { ledger: self.clone(), index, operation, lost: false };
        tokio::task::yield_now().await;
        match self.take_fault(index, operation)? {
            None => {}
            Some(Fault::Refused(error)) => return Err(error),
            Some(Fault::ReplyLost) => open.lost = true,
        }
        Ok(open)
    }

    fn note(&self, operation: &'static str, resource: &str) -> usize {
        let mut book = self.0.lock();
        book.calls.push(Call { operation, resource: resource.to_owned(), write: false });
        let running = book.in_flight.entry(operation).or_default();
        *running += 1;
        let running = *running;
        let peak = book.peaks.entry(operation).or_default();
        *peak = running.max(*peak);
        book.calls.len() - 1
    }

    fn take_fault(&self, index: usize, operation: &'static str) -> Result<Option<Fault>> {
        let mut book = self.0.lock();
        if book.last_allowed.is_some_and(|last| index >= last) {
            return Err(Error::new(Meaning::Interrupted, operation, "", "no call is allowed any more"));
        }
        if let Some(fault) = book.faults_by_number.remove(&(index + 1)) {
            return Ok(Some(fault));
        }
        let place = book.faults_by_operation.iter().position(|(name, _)| name == operation);
        Ok(place.map(|place| book.faults_by_operation.remove(place).1))
    }
}

/// A call under way. It ends when it is answered or dropped.
#[derive(Debug)]
pub(crate) struct OpenCall {
    ledger: Ledger,
    index: usize,
    operation: &'static str,
    lost: bool,
}

impl OpenCall {
    /// Answers a call that only read.
    pub(crate) fn read<T>(self, answer: T) -> Result<T> {
        self.reply(answer)
    }

    /// Notes that the call writes, whatever becomes of it.
    pub(crate) fn writes(&self) {
        if let Some(call) = self.ledger.0.lock().calls.get_mut(self.index) {
            call.write = true;
        }
    }

    /// Answers a call that wrote.
    pub(crate) fn wrote<T>(self, answer: T) -> Result<T> {
        self.writes();
        self.reply(answer)
    }

    /// Answers a call that wrote if its outcome says so.
    pub(crate) fn changed(self, outcome: Outcome) -> Result<Outcome> {
        if !matches!(outcome, Outcome::Unchanged | Outcome::Absent) {
            self.writes();
        }
        self.reply(outcome)
    }

    fn reply<T>(self, answer: T) -> Result<T> {
        if self.lost {
            let reason = "the connection was lost before the reply arrived";
            return Err(
                Error::new(Meaning::Unavailable, self.operation, "", reason).with_effect(Effect::Possible)
            );
        }
        Ok(answer)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if let Some(running) = self.ledger.0.lock().in_flight.get_mut(self.operation) {
            *running = running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_call_that_was_chosen_fails_and_no_other() {
        let ledger = Ledger::default();
        ledger.fail_call(2, Fault::refused(Meaning::Denied));
        assert!(ledger.begin("objects.get", "a").await.is_ok());
        assert_eq!(ledger.begin("objects.get", "a").await.unwrap_err().meaning(), Meaning::Denied);
        assert!(ledger.begin("objects.get", "a").await.is_ok());
        assert_eq!(ledger.count("objects.get"), 3);
    }

    #[tokio::test]
    async fn a_lost_reply_is_an_error_after_the_effect() {
        let ledger = Ledger::default();
        ledger.fail_next("objects.put", Fault::ReplyLost);
        let call = ledger.begin("objects.put", "a").await.unwrap();
        let error = call.wrote(1).unwrap_err();
        assert_eq!(error.effect(), Effect::Possible);
        assert_eq!(ledger.write_count(), 1, "the write happened although nobody heard of it");
    }

    #[tokio::test]
    async fn after_the_last_allowed_call_all_are_interrupted() {
        let ledger = Ledger::default();
        ledger.stop_after(1);
        assert!(ledger.begin("a.b", "").await.is_ok());
        assert_eq!(ledger.begin("a.b", "").await.unwrap_err().meaning(), Meaning::Interrupted);
        ledger.clear_faults();
        assert!(ledger.begin("a.b", "").await.is_ok());
    }

    #[tokio::test]
    async fn overlapping_calls_are_counted_together() {
        let ledger = Ledger::default();
        let call = async || drop(ledger.begin("a.b", "").await);
        futures::join!(call(), call(), call());
        assert_eq!(ledger.most_at_once("a.b"), 3);
        call().await;
        assert_eq!(ledger.most_at_once("a.b"), 3);
    }

    #[tokio::test]
    async fn an_unchanged_outcome_is_no_write() {
        let ledger = Ledger::default();
        ledger.begin("a.b", "").await.unwrap().changed(Outcome::Unchanged).unwrap();
        ledger.begin("a.b", "").await.unwrap().changed(Outcome::Updated).unwrap();
        assert_eq!((ledger.call_count(), ledger.write_count()), (2, 1));
    }
}
