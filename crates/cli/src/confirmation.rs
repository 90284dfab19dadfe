//! Asking before something is destroyed.

use std::io::{self, BufRead, IsTerminal};

use crate::exit::ExitStatus;
use crate::session::{Session, one_mistake};

/// Whether there is somebody to ask: a terminal to ask on and to read the answer from.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that only `word` answers; refuses, for the reason `unattended`, without a terminal to ask on.
pub(crate) fn ask(
    session: &Session<'_>,
    question: &str,
    word: &str,
    unattended: &str,
) -> Result<(), ExitStatus> {
    let refuse = |message: &str| {
        session.output.wrong_settings(&one_mistake("yes", "", message));
        Err(ExitStatus::Usage)
    };
    if !can_ask() {
        return refuse(unattended);
    }
    session.output.ask(question);
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if answer.trim() == word => Ok(()),
        _ => refuse(&format!("that was not {word}; nothing was changed")),
    }
}
