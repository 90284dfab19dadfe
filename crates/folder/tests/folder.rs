//! A folder keeps the contract of object stores, and more that only a folder can break.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions};
use spacecraft_folder::{FolderStore, Visibility};
use tempfile::TempDir;

mod conformance {
    use spacecraft_testkit::conformance::Subject;

    use super::store;

    spacecraft_testkit::object_store_conformance!(async {
        let (store, folder) = store();
        Subject::new(store).keeping(folder)
    });
}

fn store() -> (FolderStore, TempDir) {
    let folder = TempDir::new().unwrap();
    (FolderStore::new(folder.path().join("objects"), Visibility::Private).unwrap(), folder)
}

fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn put(store: &FolderStore, key: &str, text: &str) -> i64 {
    let options = PutOptions::json(Precondition::None);
    store.put(key, text.as_bytes().to_vec(), &options).await.unwrap()
}

#[tokio::test]
async fn an_object_is_a_plain_file_that_only_its_owner_reads() {
    let (store, _folder) = store();
    put(&store, "net1/network.json", "{}").await;
    assert_eq!(fs::read_to_string(store.path("net1/network.json")).unwrap(), "{}");
    assert_eq!(mode(store.path("net1/network.json")), 0o600);
    assert_eq!(mode(store.path("net1")), 0o700);
    assert!(!store.is_public().await.unwrap());
    assert!(store.url("net1/network.json").starts_with("file:///"));
}

#[tokio::test]
async fn objects_of_a_public_folder_can_be_read_by_everybody() {
    let folder = TempDir::new().unwrap();
    let store = FolderStore::new(folder.path().join("public"), Visibility::Public).unwrap();
    put(&store, "net1-archive/config.json", "{}").await;
    assert_eq!(mode(store.path("net1-archive/config.json")), 0o644);
    assert!(store.is_public().await.unwrap());
}

#[tokio::test]
async fn a_private_folder_that_others_can_read_is_said_to_be_public() {
    let (store, _folder) = store();
    fs::create_dir(store.root()).unwrap();
    fs::set_permissions(store.root(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(store.is_public().await.unwrap());
}

#[tokio::test]
async fn another_handle_sees_the_same_generations() {
    let (store, _folder) = store();
    let generation = put(&store, "a", "1").await;
    let other = FolderStore::new(store.root(), Visibility::Private).unwrap();
    assert_eq!(other.get("a").await.unwrap().unwrap().generation, generation);
    assert!(put(&other, "a", "2").await > generation);
}

#[tokio::test]
async fn a_file_edited_by_hand_gets_a_generation_of_its_own() {
    let (store, _folder) = store();
    let generation = put(&store, "networks.json", "[]").await;
    fs::write(store.path("networks.json"), "[1]").unwrap();
    let edited = store.get("networks.json").await.unwrap().unwrap();
    assert_eq!(edited.bytes, b"[1]");
    assert_ne!(edited.generation, generation);
    let stale = PutOptions::json(Precondition::Generation(generation));
    let error = store.put("networks.json", b"[2]".to_vec(), &stale).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::PreconditionFailed);
    let fresh = PutOptions::json(Precondition::Generation(edited.generation));
    store.put("networks.json", b"[2]".to_vec(), &fresh).await.unwrap();
}

#[tokio::test]
async fn a_file_that_was_there_before_us_is_an_object() {
    let (store, _folder) = store();
    fs::create_dir_all(store.root()).unwrap();
    fs::write(store.path("networks.json"), "[]").unwrap();
    let found = store.get("networks.json").await.unwrap().unwrap();
    assert_eq!(store.list("").await.unwrap(), [("networks.json".to_owned(), found.generation)]);
    let absent = PutOptions::json(Precondition::Absent);
    assert!(store.put("networks.json", b"x".to_vec(), &absent).await.is_err());
}

#[tokio::test]
async fn a_writer_that_died_before_it_replaced_the_file_changed_nothing() {
    let (store, _folder) = store();
    let generation = put(&store, "a", "old").await;
    let note = store.root().join(".spacecraft/generations/a.json");
    let before = fs::read(store.path("a")).unwrap();
    let next = put(&store, "a", "new").await;
    let note_of_the_write = fs::read(&note).unwrap();
    fs::write(store.path("a"), before).unwrap();
    fs::write(&note, note_of_the_write).unwrap();
    let found = store.get("a").await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.generation), (b"old".as_slice(), generation));
    assert!(
        put(&store, "a", "newer").await > next,
        "the generation of the write that failed is not used again"
    );
}

#[tokio::test]
async fn a_symbolic_link_is_never_followed() {
    let (store, folder) = store();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "x").unwrap();
    fs::create_dir_all(store.root()).unwrap();
    symlink(&outside, store.path("linked")).unwrap();
    symlink(outside.join("secret"), store.path("secret")).unwrap();
    let options = PutOptions::json(Precondition::None);
    for key in ["linked/secret", "secret"] {
        assert_eq!(store.get(key).await.unwrap_err().meaning(), Meaning::Invalid);
        assert_eq!(store.put(key, b"y".to_vec(), &options).await.unwrap_err().meaning(), Meaning::Invalid);
        assert!(store.delete(key, Precondition::None).await.is_err());
    }
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "x");
    assert_eq!(store.list("").await.unwrap(), []);
}

#[tokio::test]
async fn the_bookkeeping_is_no_object() {
    let (store, _folder) = store();
    put(&store, "a", "1").await;
    assert_eq!(store.list("").await.unwrap().len(), 1);
    let error = store.get(".spacecraft/last-generation").await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_key_below_an_object_is_refused() {
    let (store, _folder) = store();
    put(&store, "a", "1").await;
    put(&store, "b/c", "1").await;
    let options = PutOptions::json(Precondition::None);
    for key in ["a/b", "b"] {
        let error = store.put(key, Vec::new(), &options).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Invalid, "{key}");
    }
    assert_eq!(store.get("a/b").await.unwrap(), None);
}

#[tokio::test]
async fn keys_that_look_like_the_bookkeeping_of_others_do_not_collide() {
    let (store, _folder) = store();
    let keys = ["a", "a.json/b", "a.d/b", "a.json.d"];
    let mut generations = Vec::new();
    for key in keys {
        generations.push(put(&store, key, key).await);
    }
    for (key, generation) in keys.into_iter().zip(generations) {
        assert_eq!(store.get(key).await.unwrap().unwrap().generation, generation, "{key}");
    }
}

#[tokio::test]
async fn deleting_the_last_object_leaves_no_folder_behind() {
    let (store, _folder) = store();
    put(&store, "net1/journal/1.json", "{}").await;
    assert_eq!(store.delete("net1/journal/1.json", Precondition::None).await.unwrap(), Outcome::Removed);
    assert!(!store.path("net1").exists());
}

#[tokio::test]
async fn looking_makes_no_folder() {
    let (store, _folder) = store();
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.delete("a", Precondition::None).await.unwrap(), Outcome::Absent);
    store.check_access().await.unwrap();
    assert!(!store.root().exists());
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_no_access() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    let store = FolderStore::new(&path, Visibility::Private).unwrap();
    assert_eq!(store.check_access().await.unwrap_err().meaning(), Meaning::Invalid);
    let options = PutOptions::json(Precondition::None);
    assert_eq!(store.put("a", Vec::new(), &options).await.unwrap_err().meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_broken_counter_is_said_and_not_guessed() {
    let (store, _folder) = store();
    put(&store, "a", "1").await;
    fs::write(store.root().join(".spacecraft/last-generation"), "many").unwrap();
    let options = PutOptions::json(Precondition::None);
    let error = store.put("a", Vec::new(), &options).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_writer_that_never_ends_is_not_waited_for_for_ever() {
    let (store, _folder) = store();
    put(&store, "a", "1").await;
    let lock = fs::OpenOptions::new().write(true).open(store.root().join(".spacecraft/lock")).unwrap();
    lock.lock().unwrap();
    let hurried = store.clone().with_clock(std::sync::Arc::new(spacecraft_testkit::TestClock::default()));
    let options = PutOptions::json(Precondition::None);
    let error = hurried.put("a", b"2".to_vec(), &options).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
    drop(lock);
    put(&store, "a", "3").await;
}

#[tokio::test]
async fn what_is_larger_than_any_object_or_no_plain_file_is_refused_without_being_read() {
    let (store, _folder) = store();
    put(&store, "net1/network.json", "{}").await;
    let huge = fs::File::create(store.path("net1/huge.json")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let error = store.get("net1/huge.json").await.unwrap_err();
    assert_eq!((error.meaning(), error.operation()), (Meaning::Invalid, "read object"));
    assert!(error.reason().contains("larger than"), "{error}");
    let pipe = store.path("net1/pipe.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let error = store.get("net1/pipe.json").await.unwrap_err();
    assert!(error.reason().contains("no plain file") && error.resource().ends_with("pipe.json"), "{error}");
}
