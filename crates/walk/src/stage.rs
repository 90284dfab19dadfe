//! A simulated cloud and the command that works on it, in one process and in virtual time.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spacecraft_cli::ExitStatus;
use spacecraft_cli::embedded::{Ended, Machine, run};
use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::state::{Holder, HolderProbe};
use spacecraft_core::time::SeededRandom;
use spacecraft_sandbox::World;
use spacecraft_sandbox::faults::FaultRule;
use spacecraft_sandbox::server::EmbeddedSandbox;
use spacecraft_sandbox::settings::SettingsChange;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::agreement::contradictions;
use crate::clock::StageClock;
use crate::holdings::Holdings;
use crate::image::Image;
use crate::keys::RecurringKeys;
use crate::neighbours;
use crate::objects::Objects;
use crate::recording::Recorder;
use crate::strangers;

/// How long the cloud is left to itself before its state is looked at.
const SETTLING: Duration = Duration::from_secs(120);

/// How long a cluster takes to be gone.
const LOSS: Duration = Duration::from_secs(600);

/// Configs that a network which runs can be changed to: by nodes one after the other, and by all nodes at once.
const CONFIGS: [(&str, &str); 2] = [
    ("allowed.json", r#"{"logging": {"hare": "debug"}}"#),
    ("agreed.json", r#"{"tortoise": {"tortoise-hdist": 9}}"#),
];

/// Where commands work that do not say it themselves.
const ON_SANDBOX: [&str; 4] = ["--provider", "sandbox", "--sandbox-dir", "{folder}/sandbox"];
/// How commands tell their result.
const OUTPUT: [&str; 2] = ["--output", "json"];

/// A state to begin from, and the instant at which it was.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The cloud.
    pub world: World,
    /// When it was so.
    pub now: Timestamp,
    /// What networks of shared clusters keep in a folder.
    pub objects: Objects,
}

impl Scene {
    /// A number that scenes have in common between which nothing but time passed; how many calls there were does not count.
    #[must_use]
    pub fn mark(&self) -> u64 {
        let mut contents = self.world.contents();
        if let Some(services) = contents.get_mut("services").and_then(Value::as_object_mut) {
            ["calls", "call_number"].iter().for_each(|passing| drop(services.remove(*passing)));
        }
        let mut hasher = DefaultHasher::new();
        contents.to_string().hash(&mut hasher);
        self.objects.named().for_each(|object| object.hash(&mut hasher));
        hasher.finish()
    }
}

/// Where a cloud came to rest.
#[derive(Debug)]
pub struct Reached {
    /// The cloud.
    pub scene: Scene,
    /// What it holds.
    pub holdings: Holdings,
    /// The same, to be compared.
    pub image: Image,
}

impl Reached {
    fn of(scene: Scene) -> Self {
        let holdings = Holdings::of(&scene);
        let image = Image::of(&holdings);
        Self { scene, holdings, image }
    }

    /// In what it is not what was expected, and contradicts itself.
    #[must_use]
    pub fn problems(&self, expected: &Image) -> Vec<String> {
        [expected.differences(&self.image), contradictions(&self.holdings)].concat()
    }
}

/// A stage, to be used on a current-thread tokio runtime with paused time.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    clock: StageClock,
    sandbox: EmbeddedSandbox,
    processes: AtomicU32,
    alive: Living,
    rsa_keys: Arc<RecurringKeys>,
}

/// The processes that still run.
#[derive(Debug, Clone, Default)]
struct Living(Arc<Mutex<u32>>);

impl HolderProbe for Living {
    fn is_certainly_dead(&self, holder: &Holder) -> bool {
        holder.process_id != *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Knows nothing of any process.
#[derive(Debug)]
struct NothingKnown;

impl HolderProbe for NothingKnown {
    fn is_certainly_dead(&self, _holder: &Holder) -> bool {
        false
    }
}

impl Stage {
    /// A stage with a cloud that is empty but for what others have in it.
    ///
    /// # Errors
    ///
    /// When its folder or its addresses cannot be had.
    pub async fn set_up(begin: Timestamp) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let clock = StageClock::showing(begin);
        write_certificate(folder.path())?;
        for (name, config) in CONFIGS {
            fs::write(folder.path().join(name), config)?;
        }
        let sandbox = EmbeddedSandbox::start(&folder.path().join("sandbox"), clock.source())
            .await
            .context("start the simulated cloud")?;
        let (processes, alive, rsa_keys) = (AtomicU32::new(1000), Living::default(), Arc::default());
        let mut stage = Self { folder, clock, sandbox, processes, alive, rsa_keys };
        let mut scene = stage.scene();
        neighbours::move_in(&mut scene.world, scene.now)?;
        stage.go_on_from(&scene).await?;
        tokio::time::sleep(SETTLING).await;
        Ok(stage)
    }

    /// Where files of this stage are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The present state.
    #[must_use]
    pub fn scene(&self) -> Scene {
        let (world, now) = self.sandbox.fork();
        Scene { world, now, objects: Objects::read(&self.objects_folder()) }
    }

    /// Where networks of shared clusters keep their objects.
    #[must_use]
    pub fn objects_folder(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// Goes on from a state.
    ///
    /// # Errors
    ///
    /// When the objects cannot be written.
    pub async fn go_on_from(&mut self, scene: &Scene) -> Result<()> {
        self.sandbox.set_witness(None);
        self.sandbox.cut().await;
        scene.objects.write(&self.objects_folder()).context("write the objects")?;
        self.clock.set(scene.now);
        self.sandbox.go_on_with(scene.world.clone(), scene.now).await;
        self.sandbox.set_fault(None);
        Ok(())
    }

    /// Lets the cluster and the record of a network go, and everything come to rest.
    ///
    /// # Errors
    ///
    /// When the cloud refuses it.
    pub async fn lose(&mut self, network: &str) -> Result<()> {
        let mut scene = self.scene();
        strangers::lose(&mut scene.world, scene.now, network)?;
        self.go_on_from(&scene).await?;
        tokio::time::sleep(LOSS).await;
        Ok(())
    }

    /// Lets images of a name be nowhere to be pulled from.
    ///
    /// # Errors
    ///
    /// When the cloud refuses it.
    pub async fn withhold_image(&mut self, name: &str) -> Result<()> {
        let mut scene = self.scene();
        let settings = [("missing_images".to_owned(), json!([name]))].into_iter().collect();
        scene.world.configure(&SettingsChange { settings, ..SettingsChange::default() }, scene.now)?;
        self.go_on_from(&scene).await
    }

    /// Writes the published configs of all networks into the folder.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn save_configs(&self) -> Result<()> {
        let contents = self.sandbox.fork().0.contents();
        let objects = contents.pointer("/services/storage/buckets/spacecraft-data/objects");
        for (name, object) in objects.and_then(Value::as_object).into_iter().flatten() {
            let Some(network) = name.strip_suffix("-archive/config.json") else { continue };
            let bytes = STANDARD.decode(object["data"].as_str().unwrap_or_default())?;
            fs::write(self.folder.path().join(format!("{network}.json")), bytes)?;
        }
        Ok(())
    }

    /// Forgets downloaded charts.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn forget_downloads(&self) -> Result<()> {
        match fs::remove_dir_all(self.cache()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("remove the downloaded charts")
            }
            _ => Ok(()),
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Runs a command as a new process to its end.
    pub async fn run(&self, command: &[String]) -> Ended {
        let machine = self.machine();
        run(&self.placed(command), &machine).await
    }

    /// Runs a command as a new process to its end, which the operator may wish to come soon.
    pub async fn run_unless_stopped(&self, command: &[String], wish: Interrupt) -> Ended {
        let machine = Machine { interrupt: wish, ..self.machine() };
        run(&self.placed(command), &machine).await
    }

    /// Runs a command as a process of another host: its clock is off by so much, and it knows nothing of other processes.
    pub async fn run_elsewhere(&self, command: &[String], clock_is_off_by: SignedDuration) -> Ended {
        let clock = self.clock.off_by(clock_is_off_by);
        let machine = Machine { clock: Arc::new(clock), probe: Arc::new(NothingKnown), ..self.machine() };
        run(&self.placed(command), &machine).await
    }

    /// Runs a command as a new process that is killed when `kill` is told.
    pub async fn run_until(&mut self, command: &[String], kill: &Notify) -> Option<Ended> {
        let machine = self.machine();
        let placed = self.placed(command);
        let ended = tokio::select! {
            biased;
            () = kill.notified() => None,
            ended = run(&placed, &machine) => Some(ended),
        };
        if ended.is_none() {
            self.sandbox.cut().await;
        }
        ended
    }

    /// The command with the places of this stage.
    fn placed(&self, command: &[String]) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let own = match command.iter().any(|word| word == "--provider") {
            true => OUTPUT.to_vec(),
            false => [ON_SANDBOX.as_slice(), OUTPUT.as_slice()].concat(),
        };
        let words = command.iter().map(String::as_str).chain(own);
        words.map(|word| word.replace("{folder}", &folder)).collect()
    }

    fn machine(&self) -> Machine {
        let process_id = self.processes.fetch_add(1, Ordering::Relaxed);
        *self.alive.0.lock().unwrap_or_else(PoisonError::into_inner) = process_id;
        let text = |path: PathBuf| path.display().to_string();
        Machine {
            variables: BTreeMap::from([
                ("HOME".to_owned(), text(self.folder.path().to_owned())),
                ("XDG_CACHE_HOME".to_owned(), text(self.cache())),
                ("USER".to_owned(), "walker".to_owned()),
                ("SPACECRAFT_TLS_CRT".to_owned(), text(self.folder.path().join("tls.crt"))),
                ("SPACECRAFT_TLS_KEY".to_owned(), text(self.folder.path().join("tls.key"))),
            ]),
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SeededRandom::new(u64::from(process_id))),
            rsa_keys: self.rsa_keys.clone(),
            process_id,
            probe: Arc::new(self.alive.clone()),
            interrupt: Interrupt::never(),
        }
    }

    /// Runs a command and takes its calls down.
    pub async fn record(&self, command: &[String], recorder: Recorder) -> (Ended, Recorder) {
        let recorder = Arc::new(recorder);
        self.sandbox.set_witness(Some(recorder.clone()));
        let ended = self.run(command).await;
        self.sandbox.set_witness(None);
        (ended, Arc::unwrap_or_clone(recorder))
    }

    /// Lets `witness` see calls.
    pub fn watch(&self, witness: Option<Arc<dyn spacecraft_sandbox::server::Witness>>) {
        self.sandbox.set_witness(witness);
    }

    /// Makes a call fail.
    pub fn set_fault(&self, rule: FaultRule) {
        self.sandbox.set_fault(Some(rule));
    }

    /// What exists once the cloud has come to rest.
    pub async fn settled(&self) -> Reached {
        tokio::time::sleep(SETTLING).await;
        Reached::of(self.scene())
    }
}

/// Writes a certificate for all names of the domain.
fn write_certificate(folder: &Path) -> Result<()> {
    let names = vec!["*.spacemesh.io".to_owned(), "spacemesh.io".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).context("make a certificate")?;
    fs::write(folder.join("tls.crt"), certified.cert.pem())?;
    fs::write(folder.join("tls.key"), certified.signing_key.serialize_pem())?;
    Ok(())
}

/// What is wrong with a command's end when it should be done; nothing when it is.
#[must_use]
pub fn complaint(ended: &Ended) -> Option<String> {
    (ended.status != ExitStatus::Done).then(|| told(ended))
}

/// How a command ended, and what it said.
#[must_use]
pub fn told(ended: &Ended) -> String {
    format!("{:?}: {}", ended.status, excerpt(ended))
}

/// What a failed command said, shortened.
#[must_use]
pub fn excerpt(ended: &Ended) -> String {
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    match document.get("error").and_then(Value::as_str) {
        Some(error) => error.to_owned(),
        None => format!("{}{}", ended.stdout, ended.stderr).chars().take(2000).collect(),
    }
}
