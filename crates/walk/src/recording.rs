//! What an undisturbed run did: its calls, and the states of the cloud around its effects.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use spacecraft_sandbox::World;
use spacecraft_sandbox::server::{SeenCall, Witness};

use crate::objects::Objects;
use crate::stage::{Scene, Stage};

/// A call and when it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The call.
    pub call: SeenCall,
    /// When it came.
    pub at: Timestamp,
}

/// Whether a process died before or after an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The effect did not happen.
    Before,
    /// The effect happened and the process did not learn of it.
    After,
}

/// The cloud as it is when a process dies around one of its effects.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The effect.
    pub call: SeenCall,
    /// Which side of it.
    pub side: Side,
    /// The cloud.
    pub scene: Scene,
}

/// Takes calls down, and the states around effects if it knows where objects are.
#[derive(Debug, Default)]
pub struct Recorder {
    objects: Option<PathBuf>,
    calls: Mutex<Vec<Heard>>,
    moments: Mutex<Vec<Moment>>,
}

impl Clone for Recorder {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.clone(),
            calls: Mutex::new(self.calls()),
            moments: Mutex::new(self.moments()),
        }
    }
}

impl Recorder {
    /// A recorder of calls.
    #[must_use]
    pub fn of_calls() -> Self {
        Self::default()
    }

    /// A recorder of calls and of the states around effects, for a stage.
    #[must_use]
    pub fn of_scenes(stage: &Stage) -> Self {
        Self { objects: Some(stage.objects_folder()), ..Self::default() }
    }

    /// The calls in the order in which they came.
    #[must_use]
    pub fn calls(&self) -> Vec<Heard> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The states around effects, in order.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last effect, and that it was over: the number of its call and its later side. None when the objects in the folder were others then than in the end.
    #[must_use]
    pub fn end(&self, objects: &Objects) -> Option<(u64, Side)> {
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let last = moments.last().filter(|moment| moment.scene.objects == *objects)?;
        Some((last.call.number, last.side))
    }

    fn keep(&self, call: &SeenCall, side: Side, world: &World, now: Timestamp) {
        if let Some(objects) = self.objects.as_ref().filter(|_| call.is_effect) {
            let scene = Scene { world: world.clone(), now, objects: Objects::read(objects) };
            let moment = Moment { call: call.clone(), side, scene };
            self.moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
        }
    }
}

impl Witness for Recorder {
    fn begins(&self, call: &SeenCall, world: &World, now: Timestamp) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(Heard { call: call.clone(), at: now });
        self.keep(call, Side::Before, world, now);
    }

    fn handled(&self, call: &SeenCall, world: &World, now: Timestamp) {
        self.keep(call, Side::After, world, now);
    }
}
