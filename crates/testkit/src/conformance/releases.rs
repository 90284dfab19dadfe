//! What every [`ReleasePublisher`], [`ReleaseBuilds`] and [`FileStore`] promises.

use std::io::Write as _;

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    FileDigests, FileStore, Look, NetworkBuild, Platform, ReleaseAsset, ReleaseBuilds, ReleaseDraft,
    ReleasePublisher,
};
use tempfile::NamedTempFile;

/// Runs the suite on a repository without releases in which drafts may be made; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! release_publisher_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, releases():
            credentials_that_suffice_are_granted
            a_release_is_made_once
            a_draft_that_differs_is_changed
            a_draft_of_another_name_is_not_touched
            releases_of_different_tags_do_not_touch_each_other
            a_release_that_nobody_made_has_no_page
        }
    };
}

/// Runs the suite on builds of every version that starts with `v`, none of which was published.
#[macro_export]
macro_rules! release_builds_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, releases():
            archives_may_be_published
            a_build_is_published_once
            a_build_with_another_config_is_published_anew
            builds_of_different_platforms_have_places_of_their_own
            a_build_that_does_not_exist_is_not_found
        }
    };
}

/// Runs the suite on an empty, writable store.
#[macro_export]
macro_rules! file_store_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, releases():
            access_to_a_store_without_files_is_granted
            a_file_that_was_never_written_is_none
            an_uploaded_file_is_described
            an_upload_replaces_what_was_described
            an_upload_that_expects_something_else_changes_nothing
            keys_that_lead_out_of_the_files_are_invalid
        }
    };
}

/// A release of a tag with these notes.
#[must_use]
pub fn release(tag: &str, notes: &str) -> ReleaseDraft {
    ReleaseDraft {
        tag: tag.to_owned(),
        name: "NET1".to_owned(),
        notes: notes.to_owned(),
        assets: vec![ReleaseAsset {
            name: "config.json".to_owned(),
            content_type: "application/json".to_owned(),
            bytes: format!("{{\"notes\": {notes:?}}}").into_bytes(),
        }],
    }
}

pub async fn credentials_that_suffice_are_granted(publisher: &dyn ReleasePublisher) {
    publisher.check_access().await.unwrap();
}

pub async fn a_release_is_made_once(publisher: &dyn ReleasePublisher) {
    let release = release("v1.7.6", "one\ntwo");
    assert_eq!(publisher.look_release(&release).await.unwrap(), Look::Absent);
    assert_eq!(publisher.ensure_release(&release).await.unwrap(), Outcome::Created);
    assert_eq!(publisher.look_release(&release).await.unwrap(), Look::Same);
    assert_eq!(publisher.ensure_release(&release).await.unwrap(), Outcome::Unchanged);
    assert!(publisher.release_page("v1.7.6").await.unwrap().is_some());
}

pub async fn a_draft_that_differs_is_changed(publisher: &dyn ReleasePublisher) {
    publisher.ensure_release(&release("v1.7.6", "one")).await.unwrap();
    let changed = release("v1.7.6", "two");
    assert!(matches!(publisher.look_release(&changed).await.unwrap(), Look::Differs(_)));
    assert_eq!(publisher.ensure_release(&changed).await.unwrap(), Outcome::Updated);
    assert_eq!(publisher.look_release(&changed).await.unwrap(), Look::Same);
}

pub async fn a_draft_of_another_name_is_not_touched(publisher: &dyn ReleasePublisher) {
    let theirs = release("v1.7.6", "one");
    publisher.ensure_release(&theirs).await.unwrap();
    let ours = ReleaseDraft { name: "NET2".to_owned(), ..release("v1.7.6", "two") };
    assert_eq!(publisher.look_release(&ours).await.unwrap_err().meaning(), Meaning::AlreadyExists);
    assert_eq!(publisher.ensure_release(&ours).await.unwrap_err().meaning(), Meaning::AlreadyExists);
    assert_eq!(publisher.look_release(&theirs).await.unwrap(), Look::Same);
}

pub async fn releases_of_different_tags_do_not_touch_each_other(publisher: &dyn ReleasePublisher) {
    let (one, other) = (release("v1.7.5", "one"), release("v1.7.6", "two"));
    publisher.ensure_release(&one).await.unwrap();
    publisher.ensure_release(&other).await.unwrap();
    assert_eq!(publisher.look_release(&one).await.unwrap(), Look::Same);
    assert_eq!(publisher.look_release(&other).await.unwrap(), Look::Same);
}

pub async fn a_release_that_nobody_made_has_no_page(publisher: &dyn ReleasePublisher) {
    assert_eq!(publisher.release_page("v9.9.9").await.unwrap(), None);
}

fn build(version: &str, platform: Platform, config: &str) -> NetworkBuild {
    NetworkBuild { version: version.to_owned(), platform, config: config.as_bytes().to_vec() }
}

pub async fn archives_may_be_published(builds: &dyn ReleaseBuilds) {
    builds.check_access().await.unwrap();
}

pub async fn a_build_is_published_once(builds: &dyn ReleaseBuilds) {
    let build = build("v1.7.6", Platform::Linux, "{}");
    assert_eq!(builds.look_build(&build).await.unwrap(), Look::Absent);
    assert_eq!(builds.ensure_build(&build).await.unwrap(), Outcome::Created);
    assert_eq!(builds.look_build(&build).await.unwrap(), Look::Same);
    assert_eq!(builds.ensure_build(&build).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_build_with_another_config_is_published_anew(builds: &dyn ReleaseBuilds) {
    builds.ensure_build(&build("v1.7.6", Platform::Linux, "{}")).await.unwrap();
    let changed = build("v1.7.6", Platform::Linux, "{\"a\": 1}");
    assert!(matches!(builds.look_build(&changed).await.unwrap(), Look::Differs(_)));
    assert_eq!(builds.ensure_build(&changed).await.unwrap(), Outcome::Updated);
    assert_eq!(builds.look_build(&changed).await.unwrap(), Look::Same);
}

pub async fn builds_of_different_platforms_have_places_of_their_own(builds: &dyn ReleaseBuilds) {
    let urls: std::collections::BTreeSet<String> =
        Platform::ALL.iter().map(|platform| builds.url(&build("v1.7.6", *platform, "{}"))).collect();
    assert_eq!(urls.len(), Platform::ALL.len());
    builds.ensure_build(&build("v1.7.6", Platform::Linux, "{}")).await.unwrap();
    assert_eq!(builds.look_build(&build("v1.7.6", Platform::MacOs, "{}")).await.unwrap(), Look::Absent);
}

pub async fn a_build_that_does_not_exist_is_not_found(builds: &dyn ReleaseBuilds) {
    let missing = build("no-such-version", Platform::Linux, "{}");
    assert_eq!(builds.look_build(&missing).await.unwrap_err().meaning(), Meaning::NotFound);
    assert_eq!(builds.ensure_build(&missing).await.unwrap_err().meaning(), Meaning::NotFound);
}

fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

pub async fn access_to_a_store_without_files_is_granted(store: &dyn FileStore) {
    store.check_access().await.unwrap();
}

pub async fn a_file_that_was_never_written_is_none(store: &dyn FileStore) {
    assert_eq!(store.describe("v1/Linux.zip").await.unwrap(), None);
}

pub async fn an_uploaded_file_is_described(store: &dyn FileStore) {
    store.upload("v1/Linux.zip", file("123456789").path(), "application/zip", None).await.unwrap();
    let described = store.describe("v1/Linux.zip").await.unwrap().unwrap();
    assert_eq!(described.size, 9);
    let expected = FileDigests { md5: None, crc32c: Some(0xe306_9283) };
    assert_eq!(described.digests.agree(&expected), Some(true));
}

pub async fn an_upload_replaces_what_was_described(store: &dyn FileStore) {
    store.upload("a.zip", file("one").path(), "application/zip", None).await.unwrap();
    let one = store.describe("a.zip").await.unwrap();
    store.upload("a.zip", file("three").path(), "application/zip", one.as_ref()).await.unwrap();
    let three = store.describe("a.zip").await.unwrap().unwrap();
    assert_eq!(three.size, 5);
    assert_ne!(Some(three.generation), one.map(|file| file.generation));
}

pub async fn an_upload_that_expects_something_else_changes_nothing(store: &dyn FileStore) {
    store.upload("a.zip", file("one").path(), "application/zip", None).await.unwrap();
    let one = store.describe("a.zip").await.unwrap();
    store.upload("a.zip", file("three").path(), "application/zip", one.as_ref()).await.unwrap();
    for expected in [None, one.as_ref()] {
        let refused =
            store.upload("a.zip", file("other").path(), "application/zip", expected).await.unwrap_err();
        assert_eq!(refused.meaning(), Meaning::PreconditionFailed);
    }
    let refused =
        store.upload("b.zip", file("other").path(), "application/zip", one.as_ref()).await.unwrap_err();
    assert_eq!(refused.meaning(), Meaning::PreconditionFailed);
    assert_eq!(store.describe("a.zip").await.unwrap().unwrap().size, 5);
}

pub async fn keys_that_lead_out_of_the_files_are_invalid(store: &dyn FileStore) {
    for key in ["../a", "/a", "a/../b", ""] {
        assert_eq!(store.describe(key).await.unwrap_err().meaning(), Meaning::Invalid, "{key:?}");
        let refused = store.upload(key, file("x").path(), "application/zip", None).await.unwrap_err();
        assert_eq!(refused.meaning(), Meaning::Invalid, "{key:?}");
    }
}
