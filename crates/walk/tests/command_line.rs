//! What is typed wrongly is told before anything is walked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::process::Command;

#[test]
fn a_flow_that_does_not_exist_is_refused_with_the_nearest_name() {
    for flag in ["--flow", "--except"] {
        let ended = Command::new(env!("CARGO_BIN_EXE_spacecraft-walk"))
            .args(["kills", flag, "creat"])
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(2));
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("a similar value exists: 'create'"), "{said}");
    }
}
