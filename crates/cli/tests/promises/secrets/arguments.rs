//! The arguments of processes while they run, which everybody on the machine can read.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Looks at the arguments of all processes again and again, until it is dropped.
pub(super) struct Observer {
    seen: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    pub(super) fn start() -> Self {
        let (seen, ended) = (Arc::<Mutex<BTreeSet<Vec<u8>>>>::default(), Arc::<AtomicBool>::default());
        let (all, is_over) = (Arc::clone(&seen), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let now = of_all_processes();
                all.lock().unwrap().extend(now);
                crate::cloud::pause_shortly();
            }
        });
        Self { seen, ended, thread: Some(thread) }
    }

    /// The different arguments that were seen so far, each process's as one text with zero bytes between.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().iter().cloned().collect()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn of_all_processes() -> Vec<Vec<u8>> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let arguments = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    arguments.filter(|arguments| !arguments.is_empty()).collect()
}

#[test]
fn arguments_of_a_process_are_seen_while_it_runs() {
    let observer = Observer::start();
    let mut process = std::process::Command::new("sleep").arg("60.125").spawn().unwrap();
    let is_seen = || observer.seen().iter().any(|arguments| arguments.starts_with(b"sleep\x0060.125"));
    crate::cloud::until("the process is seen", is_seen);
    process.kill().unwrap();
    process.wait().unwrap();
}
