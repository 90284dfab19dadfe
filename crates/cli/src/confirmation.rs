//! Asking before something is destroyed.

use std::io::{self, BufRead, IsTerminal};

use crate::exit::ExitStatus;
use crate::session::{Session, one_mistake};

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
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return refuse(unattended);
    }
    session.output.ask(question);
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if answer.trim() == word => Ok(()),
        _ => refuse(&format!("that was not {word}; nothing was changed")),
    }
}
