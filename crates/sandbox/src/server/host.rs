//! What all connections of a server share: the world, its clock and its log.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    clock::{CLOCK_FILE, Clock},
    embedded::{SeenCall, TimeSource, Witness},
    folder::{Folder, FolderError, read_json, write_json},
    info::SandboxInfo,
    log::Log,
};
use crate::{
    address::ServiceAddress,
    faults::{Fault, FaultRule},
    moment::Moment,
    settings::{InvalidSettings, SettingsChange},
    wire::{Answer, Request},
    world::{SharedWorld, World},
};

/// How often an idle server looks whether it may end.
const IDLE_CHECK: Duration = Duration::from_secs(1);
/// The longest that the world is left alone: clocks may be changed from outside.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// The shared state of a server.
#[derive(Debug)]
pub(super) struct Host {
    world: SharedWorld,
    time: TimeSource,
    clock: Mutex<Clock>,
    /// Where clock and log are kept; an embedded server keeps nothing.
    kept: Option<Kept>,
    witness: Mutex<Option<Arc<dyn Witness>>>,
    info: SandboxInfo,
    /// Counts changes of the world; open streams wait for it.
    changes: watch::Sender<u64>,
    stop: Mutex<Option<watch::Sender<bool>>>,
    connections: AtomicUsize,
    last_call: Mutex<Instant>,
}

/// What a server keeps on disk.
#[derive(Debug)]
struct Kept {
    clock_file: PathBuf,
    log: Mutex<Log>,
}

/// Counts an open connection for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<Host>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

impl Host {
    /// Reads the folder's state.
    pub(super) fn start(folder: &Folder) -> Result<Arc<Self>, FolderError> {
        let wall = Timestamp::now();
        let clock_file = folder.path().join(CLOCK_FILE);
        let clock = read_json(&clock_file)?.unwrap_or_else(|| Clock::real(wall));
        let (mut log, mut world) = Log::open(folder.path(), folder.environment()?, clock.at(wall).now)?;
        world.record();
        log.compact(&world)?;
        let kept = Some(Kept { clock_file, log: Mutex::new(log) });
        let world = SharedWorld::new(world);
        Ok(Arc::new(Self::new(world, TimeSource::system(), clock, kept, folder.info())))
    }

    /// Hosts a fresh world that is kept nowhere, in time as `time` tells it.
    pub(super) fn embedded(folder: &Folder, time: TimeSource) -> Result<Arc<Self>, FolderError> {
        let clock = Clock::real(time.now());
        let mut world = World::new(folder.environment()?, time.now());
        world.record();
        Ok(Arc::new(Self::new(SharedWorld::new(world), time, clock, None, folder.info())))
    }

    /// Hosts a world that others host as well.
    pub(super) fn beside_others(world: SharedWorld, time: TimeSource, info: SandboxInfo) -> Arc<Self> {
        let clock = Clock::real(time.now());
        Arc::new(Self::new(world, time, clock, None, info))
    }

    fn new(
        world: SharedWorld,
        time: TimeSource,
        clock: Clock,
        kept: Option<Kept>,
        info: SandboxInfo,
    ) -> Self {
        Self {
            world,
            time,
            clock: Mutex::new(clock),
            kept,
            witness: Mutex::default(),
            info,
            changes: watch::channel(0).0,
            stop: Mutex::new(None),
            connections: AtomicUsize::new(0),
            last_call: Mutex::new(Instant::now()),
        }
    }

    /// Lets `witness` see every call from now on.
    pub(super) fn set_witness(&self, witness: Option<Arc<dyn Witness>>) {
        *self.witness.lock().unwrap_or_else(PoisonError::into_inner) = witness;
    }

    /// Puts another world in the place of this one, at the instant that it knows.
    pub(super) fn replace_world(&self, mut world: World, now: Timestamp) {
        world.record();
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
            Clock::real(self.time.now()).showing(now);
        *self.world.lock() = world;
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn tell_witness(&self, tell: impl FnOnce(&dyn Witness)) {
        let witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(witness) = witness {
            tell(&*witness);
        }
    }

    /// Counts a call and tells which fault it meets.
    pub(super) fn begin_call(
        &self,
        address: &ServiceAddress,
        request: &Request,
    ) -> (u64, Option<Fault>, u64) {
        self.change(|world, moment| {
            let (number, fault) = world.begin_call(address, request);
            self.tell_witness(|witness| {
                witness.begins(&SeenCall::of(number, address, request, fault.as_ref()), world, moment.now);
            });
            (number, fault, world.settings().api_latency_milliseconds)
        })
    }

    /// Remembers how a call was answered.
    pub(super) fn end_call(
        &self,
        number: u64,
        address: &ServiceAddress,
        request: &Request,
        status: http::StatusCode,
        length: u64,
    ) {
        self.change(|world, moment| {
            world.end_call(number, address, request, status, length);
            self.tell_witness(|witness| {
                witness.handled(&SeenCall::of(number, address, request, None), world, moment.now);
            });
        });
    }

    pub(super) fn info(&self) -> &SandboxInfo {
        &self.info
    }

    pub(super) fn set_stop(&self, stop: watch::Sender<bool>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
    }

    /// Ends the server soon.
    pub(super) fn stop(&self) {
        if let Some(stop) = &*self.stop.lock().unwrap_or_else(PoisonError::into_inner) {
            stop.send_replace(true);
        }
    }

    pub(super) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(super) fn touch(&self) {
        *self.last_call.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Both times, now.
    pub(super) fn moment(&self) -> Moment {
        let simulated = self.clock.lock().unwrap_or_else(PoisonError::into_inner).at(self.time.now());
        Moment { wall: Timestamp::now(), ..simulated }
    }

    /// How long until a simulated instant; `None` when time stands still before it.
    pub(super) fn until(&self, instant: Timestamp) -> Option<Duration> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).until(instant, self.time.now())
    }

    /// A receiver that learns of every change of the world.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks at the world.
    pub(super) fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.world.lock())
    }

    /// Does something to the world and logs what it changed, before anybody can see it.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut World, Moment) -> R) -> R {
        let moment = self.moment();
        let mut world = self.world.lock();
        let result = change(&mut world, moment);
        self.write_entries(&mut world);
        result
    }

    fn write_entries(&self, world: &mut World) {
        let entries = world.take_entries();
        if entries.is_empty() {
            return;
        }
        if let Some(kept) = &self.kept {
            let mut log = kept.log.lock().unwrap_or_else(PoisonError::into_inner);
            let written = log.append(&entries).and_then(|()| log.compact_if_long(world));
            if let Err(error) = written {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the sandbox's log cannot be written"
                );
                self.stop();
            }
        }
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Handles a call as its service would, holding it back as long as the service does.
    pub(super) async fn handle(&self, address: &ServiceAddress, request: &Request) -> Answer {
        let held = self.look(|world| world.held_until(address, request, self.moment().now));
        if let Some(wait) = held.and_then(|until| self.until(until)) {
            sleep(wait.min(Duration::from_secs(120))).await;
        }
        self.change(|world, moment| world.handle(address, request, moment))
    }

    pub(super) fn configure(&self, change: &SettingsChange) -> Result<(), InvalidSettings> {
        self.change(|world, moment| world.configure(change, moment.now))?;
        let rate = self.look(|world| world.settings().time_rate);
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        *clock = clock.changed(self.time.now(), rate, change.advance_seconds);
        let written = self.kept.as_ref().map_or(Ok(()), |kept| write_json(&kept.clock_file, &*clock));
        if let Err(error) = written {
            tracing::error!(error = &error as &dyn std::error::Error, "the sandbox's clock cannot be stored");
        }
        drop(clock);
        self.change(|world, moment| world.advance(moment.now));
        self.changes.send_modify(|changes| *changes += 1);
        Ok(())
    }

    pub(super) fn set_fault(&self, rule: Option<FaultRule>) {
        self.change(|world, _| world.set_fault(rule));
    }

    /// Lets happen what happens by itself, for ever.
    pub(super) async fn drive(self: Arc<Self>) {
        let mut changes = self.changes();
        loop {
            self.change(|world, moment| world.advance(moment.now));
            changes.borrow_and_update();
            let due = self.look(World::next_due);
            let nap = due.and_then(|due| self.until(due)).unwrap_or(LONGEST_NAP).min(LONGEST_NAP);
            tokio::select! {
                () = sleep(nap.max(Duration::from_millis(1))) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Ends when nobody called or was connected for this long.
    pub(super) async fn until_idle(self: Arc<Self>, idle: Option<Duration>) {
        let Some(idle) = idle else { return std::future::pending().await };
        loop {
            sleep(IDLE_CHECK.min(idle)).await;
            let last = *self.last_call.lock().unwrap_or_else(PoisonError::into_inner);
            if self.connections.load(Ordering::Relaxed) == 0 && last.elapsed() >= idle {
                return;
            }
        }
    }

    /// Writes everything down, call counts of reads included.
    pub(super) fn finish(&self) {
        let mut world = self.world.lock();
        self.write_entries(&mut world);
        let Some(kept) = &self.kept else { return };
        let mut log = kept.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = log.compact(&world) {
            tracing::error!(error = &error as &dyn std::error::Error, "the sandbox's state cannot be stored");
        }
    }
}

/// Ends when the server is told to stop.
pub(super) async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}
