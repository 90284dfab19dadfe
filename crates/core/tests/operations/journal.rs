use std::sync::Arc;

use async_trait::async_trait;
use mockall::mock;
use spacecraft_core::Result;
use spacecraft_core::observer::Outcome;
use spacecraft_core::state::Journal;
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions, StoredObject};
use spacecraft_testkit::{InMemoryObjects, TestClock};

use crate::world::network;

mock! {
    #[derive(Debug)]
    Store {}

    #[async_trait]
    impl ObjectStore for Store {
        fn location(&self) -> String;
        fn url(&self, key: &str) -> String;
        async fn get(&self, key: &str) -> Result<Option<StoredObject>>;
        async fn put(&self, key: &str, bytes: Vec<u8>, options: &PutOptions) -> Result<i64>;
        async fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome>;
        async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>>;
        async fn is_public(&self) -> Result<bool>;
        async fn check_access(&self) -> Result<()>;
    }
}

async fn begun(store: Arc<dyn ObjectStore>, operator: &str) -> Journal {
    let clock = Arc::new(TestClock::default());
    Journal::begin(store, clock, &network(), "create-network", operator).await.unwrap()
}

fn steps() -> Vec<(String, Vec<String>)> {
    vec![("cluster".to_owned(), vec!["cluster net1".to_owned()])]
}

#[tokio::test]
async fn a_journal_is_withdrawn_with_the_generation_that_it_was_seen_with() {
    let written = InMemoryObjects::new("state");
    let journal = begun(Arc::new(written.clone()), "ann@there").await;
    journal.intend(steps()).await.unwrap();
    let bytes = written.contents()["net1/journal.json"].clone().into_bytes();

    let mut store = MockStore::new();
    store.expect_get().times(1).return_once(|_| Ok(None));
    store.expect_get().times(1).return_once(move |_| Ok(Some(StoredObject { bytes, generation: 7 })));
    store
        .expect_delete()
        .withf(|key, precondition| (key, precondition) == ("net1/journal.json", &Precondition::Generation(7)))
        .times(1)
        .return_once(|_, _| Ok(Outcome::Removed));
    begun(Arc::new(store), "ann@there").await.withdraw().await.unwrap();
}

#[tokio::test]
async fn the_journal_of_who_came_after_stays_when_one_is_withdrawn() {
    let store = InMemoryObjects::new("state");
    let first = begun(Arc::new(store.clone()), "ann@there").await;
    let later = begun(Arc::new(store.clone()), "bob@here").await;
    later.intend(steps()).await.unwrap();
    first.withdraw().await.unwrap();
    assert!(store.contents()["net1/journal.json"].contains("bob@here"));
}

#[tokio::test]
async fn the_journal_of_the_operation_before_is_there_again_to_the_byte_when_one_is_withdrawn() {
    for finished in [true, false] {
        let store = InMemoryObjects::new("state");
        let earlier = begun(Arc::new(store.clone()), "ann@there").await;
        earlier.intend(steps()).await.unwrap();
        earlier.close(finished).await.unwrap();
        let before = store.contents()["net1/journal.json"].clone();

        let withdrawn = begun(Arc::new(store.clone()), "bob@here").await;
        withdrawn.intend(vec![("nodes".to_owned(), Vec::new())]).await.unwrap();
        assert_ne!(store.contents()["net1/journal.json"], before);
        withdrawn.withdraw().await.unwrap();
        assert_eq!(store.contents()["net1/journal.json"], before);
    }
}
