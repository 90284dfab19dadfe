//! Ctrl-C and SIGTERM: the first asks operations to stop, the second ends the process.

use spacecraft_core::interrupt::{Interrupt, interrupt};

use crate::output::Output;

/// How long an operation has to come to its end after it was asked to stop.
const LONGEST_GOODBYE: std::time::Duration = std::time::Duration::from_millis(4500);

/// A wish to stop that the first signal makes. The second one ends the process at once, with the exit code of an interrupted operation.
pub(crate) fn interrupt_on_signals(output: &Output) -> Interrupt {
    let (interrupter, wish) = interrupt();
    let output = output.clone();
    tokio::spawn(async move {
        next_signal().await;
        output.say("stopping: nothing new is started; once more ends at once");
        interrupter.stop();
        tokio::select! {
            () = next_signal() => {}
            () = tokio::time::sleep(LONGEST_GOODBYE) => {}
        }
        output.end_progress();
        output.say("ended with work under way: run the same command again to go on, or delete-network to remove what exists");
        end_process();
    });
    wish
}

#[allow(clippy::exit, reason = "the second signal must end the process wherever it is")]
fn end_process() -> ! {
    std::process::exit(3)
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
