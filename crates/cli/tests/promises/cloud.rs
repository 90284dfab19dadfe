//! A simulated cloud in a folder of its own, and the binary on it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
const PATIENCE: u32 = 1200;
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) struct Cloud {
    home: TempDir,
}

/// A command that runs in the background, its streams in files.
pub(crate) struct Started {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a command ended: its exit code, none when a signal ended it, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("sandbox")
    }

    /// The command with these arguments and no others, in an environment of its own.
    pub(crate) fn bare_command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("spacecraft"));
        command.env_clear().env("HOME", self.home()).env("PATH", "/usr/bin:/bin").env("USER", "tester");
        command.args(line.split_whitespace());
        command.stdin(Stdio::null());
        command
    }

    /// The command with its arguments, on this cloud.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.bare_command(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        if ["create-network", "plan", "delete-network"].contains(&words[0]) {
            command.args(["--provider", "sandbox"]);
        }
        command.arg("--sandbox-dir").arg(self.folder());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ended {
        Ended::of(self.command(line).output().unwrap())
    }

    /// Runs a command that must be done.
    pub(crate) fn done(&self, line: &str) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        ended
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{line} --output json")).stdout).unwrap()
    }

    pub(crate) fn inventory(&self) -> Value {
        self.json("sandbox inventory")
    }

    /// All that the services hold.
    pub(crate) fn contents(&self) -> Value {
        self.json("sandbox contents")
    }

    /// The objects of all clusters.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let contents = self.contents();
        let clusters = contents["clusters"].as_object().unwrap().values();
        clusters.flat_map(|objects| objects.as_array().unwrap().clone()).collect()
    }

    pub(crate) fn start(&self, line: &str) -> Started {
        self.start_command(self.command(line))
    }

    pub(crate) fn start_command(&self, mut command: Command) -> Started {
        let number = std::fs::read_dir(self.home()).unwrap().count();
        let (stdout, stderr) =
            (self.home().join(format!("stdout-{number}")), self.home().join(format!("stderr-{number}")));
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        Started { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Waits until the inventory shows something.
    pub(crate) fn until(&self, shown: impl Fn(&Value) -> bool) {
        until("the inventory shows it", || shown(&self.inventory()));
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.command("sandbox stop").output();
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Started {
    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "signal {name} was not sent");
    }

    pub(crate) fn signal_unless_ended(&mut self, name: &str) {
        if !self.has_ended() {
            self.signal(name);
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub(crate) fn end(mut self) -> Ended {
        until("the command ends", || self.has_ended());
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            signal: status.signal(),
            stdout: std::fs::read_to_string(&self.stdout).unwrap(),
            stderr: self.said(),
        }
    }
}

/// Waits for something to become true.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE {
        if is_so() {
            return;
        }
        pause();
    }
    panic!("it never came to this: {what}");
}

fn pause() {
    pause_for(LOOK_INTERVAL);
}

/// Lets another process go on for a moment.
pub(crate) fn pause_shortly() {
    pause_for(Duration::from_millis(2));
}

#[allow(clippy::disallowed_methods, reason = "another process is waited for")]
fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

/// What exists of networks, without counts and messages.
pub(crate) fn existing(inventory: &Value) -> Value {
    let mut existing = inventory.clone();
    for passing in ["calls", "slack_messages", "releases"] {
        existing.as_object_mut().unwrap().remove(passing);
    }
    existing
}
