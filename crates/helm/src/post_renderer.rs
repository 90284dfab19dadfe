//! Programs that change what was rendered before it is applied.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use spacecraft_core::{Error, Meaning, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// A program that reads the manifest of a release on its standard input and writes the one to apply to its standard output. Hooks do not
/// go through it, as in Helm 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostRenderer {
    /// The program: a path, or a name to look for in the folders for programs.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl PostRenderer {
    /// What the program makes of a manifest.
    ///
    /// # Errors
    /// If it cannot be started, ends with another code than 0, or writes nothing or no text.
    pub async fn run(&self, manifest: &str) -> Result<String> {
        let child = self.start().map_err(|error| self.failed("it cannot be started").with_source(error))?;
        let (child, input) = take_input(child);
        let (written, output) = tokio::join!(
            async move {
                match input {
                    Some(mut input) => input.write_all(manifest.as_bytes()).await,
                    None => Ok(()),
                }
            },
            child.wait_with_output()
        );
        // A program need not read all that it is given: how it ends is what counts.
        drop(written);
        let output =
            output.map_err(|error| self.failed("its end cannot be waited for").with_source(error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            return Err(self.failed(&format!("{}. error output:\n{said}", output.status)));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| self.failed("what it wrote is no text"))?;
        if text.trim().is_empty() {
            return Err(self.failed(&format!("post-renderer {:?} produced empty output", self.program)));
        }
        Ok(text)
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    fn failed(&self, reason: &str) -> Error {
        let program = Path::new(&self.program).display().to_string();
        Error::new(Meaning::Other, "run post-renderer", program, reason)
    }
}

fn take_input(mut child: Child) -> (Child, Option<tokio::process::ChildStdin>) {
    let input = child.stdin.take();
    (child, input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> PostRenderer {
        PostRenderer { program: "sh".into(), arguments: vec!["-c".to_owned(), script.to_owned()] }
    }

    #[tokio::test]
    async fn a_program_changes_the_manifest() {
        let manifest = "a: 1\n".repeat(100_000);
        let changed = shell("sed s/1/2/").run(&manifest).await.unwrap();
        assert_eq!(changed, "a: 2\n".repeat(100_000));
        assert_eq!(shell("echo b: 1").run(&manifest).await.unwrap(), "b: 1\n");
    }

    #[tokio::test]
    async fn a_program_that_fails_or_says_nothing_or_is_not_there_is_an_error() {
        let error = shell("echo oh no >&2; exit 3").run("a: 1").await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3. error output:\noh no"), "{error}");
        let error = shell("cat > /dev/null").run("a: 1").await.unwrap_err();
        assert!(error.to_string().contains("post-renderer \"sh\" produced empty output"), "{error}");
        let absent = PostRenderer { program: "/nowhere/at/all".into(), arguments: Vec::new() };
        assert!(absent.run("a: 1").await.unwrap_err().to_string().contains("it cannot be started"));
    }
}
