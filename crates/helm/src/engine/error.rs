//! Why a chart cannot be rendered, in Helm's words.

use spacecraft_gotemplate::{ExecError, ParseError};

/// Marks the message of `required` and `fail` inside the chain of errors that Go makes.
const MESSAGE_START: &str = "HELM_ERR_START";
const MESSAGE_END: &str = "HELM_ERR_END";

/// Why a chart cannot be rendered: Helm's message, which names the template, the line and the column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    message: String,
}

/// A message that is to be shown alone, without the chain of errors around it.
pub(super) fn marked(message: &str) -> String {
    format!("{MESSAGE_START}{message}{MESSAGE_END}")
}

impl RenderError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// `parse error at (FILE:LINE): PROBLEM`.
    pub(super) fn parsing(file: &str, error: &ParseError) -> Self {
        let text = error.to_string();
        let tokens: Vec<&str> = text.split(": ").collect();
        Self::new(match tokens.as_slice() {
            [_, location, .., problem] => format!("parse error at ({location}): {problem}"),
            [_, problem] => format!("parse error at ({problem}): {problem}"),
            _ => format!("parse error in ({file}): {text}"),
        })
    }

    /// The chain of errors, or, of a marked message, that message and the place where rendering began to fail.
    pub(super) fn executing(error: &ExecError) -> Self {
        let text = error.to_string();
        let mut tokens = text.splitn(3, ": ");
        let (location, chain) = (tokens.nth(1), tokens.next());
        let message = chain.and_then(|chain| {
            let (_, after) = chain.split_once(MESSAGE_START)?;
            after.rsplit_once(MESSAGE_END).map(|(message, _)| message)
        });
        Self::new(match (location, message) {
            (Some(location), Some(message)) => format!("execution error at ({location}): {message}"),
            _ => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parse_error_names_file_line_and_problem_only() {
        let error = spacecraft_gotemplate::parse(
            "c/templates/a.yaml",
            "a\n{{ nope }}",
            &spacecraft_gotemplate::FunctionNames::default(),
        )
        .unwrap_err();
        let shown = RenderError::parsing("c/templates/a.yaml", &error).to_string();
        assert_eq!(shown, r#"parse error at (c/templates/a.yaml:2): function "nope" not defined"#);
    }
}
