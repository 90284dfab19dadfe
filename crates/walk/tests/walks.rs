//! What the walks do not show by themselves, and is easiest to see on a stage.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

use jiff::SignedDuration;
use spacecraft_cli::ExitStatus;
use spacecraft_walk::flows::flow;
use spacecraft_walk::kills::{die, left_over, prepare};
use spacecraft_walk::recording::{Moment, Recorder};
use spacecraft_walk::stage::{Stage, complaint};
use spacecraft_walk::walkers::on_stage;

#[test]
#[ignore = "does not pass: calls that were under way at the death count as made after it"]
fn nothing_is_called_after_a_process_has_ended() {
    on_stage(async |stage| {
        let empty = stage.scene();
        let recorder = Recorder::of_scenes(stage);
        let prepared = prepare(stage, &empty, &flow("create").unwrap(), recorder).await?;
        for moment in prepared.recorder.moments().iter().step_by(9) {
            let problems = die(stage, &prepared, moment).await?;
            assert!(problems.is_empty(), "{:?} {:?}: {problems:?}", moment.side, moment.call);
        }
        Ok(())
    })
    .unwrap();
}

/// The state in which a creation left its lock behind.
async fn with_a_lock(stage: &mut Stage) -> Moment {
    let empty = stage.scene();
    let recorder = Recorder::of_scenes(stage);
    let prepared = prepare(stage, &empty, &flow("create").unwrap(), recorder).await.unwrap();
    prepared.recorder.moments().into_iter().find(|moment| moment.call.service == "gke").unwrap()
}

#[test]
fn a_lock_of_another_host_is_taken_over_when_it_is_not_renewed_whatever_clocks_show() {
    on_stage(async |stage| {
        let empty = stage.scene();
        let left = with_a_lock(stage).await;
        for hours in [-48, 0, 48] {
            for name in ["create", "delete"] {
                stage.go_on_from(&left.scene).await?;
                let command = flow(name).unwrap().command;
                let ended = stage.run_elsewhere(&command, SignedDuration::from_hours(hours)).await;
                assert_eq!(complaint(&ended), None, "{name}, {hours} hours off");
                let waited = stage.scene().now.duration_since(left.scene.now);
                assert!(waited >= SignedDuration::from_secs(60), "the lease was not respected: {waited:#}");
            }
            tokio::time::sleep(std::time::Duration::from_secs(120)).await;
            assert_eq!(left_over(&empty, &stage.scene()), Vec::<String>::new());
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_lock_that_is_broken_by_force_is_not_waited_for() {
    on_stage(async |stage| {
        let left = with_a_lock(stage).await;
        stage.go_on_from(&left.scene).await?;
        let mut command = flow("create").unwrap().command;
        command.push("--force-unlock".to_owned());
        let ended = stage.run_elsewhere(&command, SignedDuration::ZERO).await;
        assert_eq!(ended.status, ExitStatus::Done, "{:?}", complaint(&ended));
        let said = ended.stderr;
        assert!(!said.contains("may still be at work"), "{said}");
        Ok(())
    })
    .unwrap();
}
