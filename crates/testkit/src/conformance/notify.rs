//! What every [`Notifier`] promises.

use spacecraft_core::Meaning;
use spacecraft_core::traits::{Message, MessageId, Mood, Notifier};

/// Runs the suite on a notifier that may post; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! notifier_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, notify():
            credentials_that_work_are_granted
            every_message_has_a_name_of_its_own
            a_message_can_be_posted_into_a_thread
            a_message_can_be_replaced
            a_message_that_nobody_posted_cannot_be_replaced
            any_text_is_taken
        }
    };
}

fn message(title: &str) -> Message {
    Message { mood: Mood::Neutral, title: title.to_owned(), text: "first line\nsecond line".to_owned() }
}

pub async fn credentials_that_work_are_granted(notifier: &dyn Notifier) {
    notifier.check_access().await.unwrap();
}

pub async fn every_message_has_a_name_of_its_own(notifier: &dyn Notifier) {
    let first = notifier.post(&message("same"), None).await.unwrap();
    let second = notifier.post(&message("same"), None).await.unwrap();
    assert_ne!(first, second);
}

pub async fn a_message_can_be_posted_into_a_thread(notifier: &dyn Notifier) {
    let parent = notifier.post(&message("net1"), None).await.unwrap();
    let child = notifier.post(&message("ready"), Some(&parent)).await.unwrap();
    assert_ne!(parent, child);
}

pub async fn a_message_can_be_replaced(notifier: &dyn Notifier) {
    let id = notifier.post(&message("creating net1"), None).await.unwrap();
    notifier.update(&id, &message("net1 is ready")).await.unwrap();
    notifier.update(&id, &message("net1 is ready")).await.unwrap();
}

pub async fn a_message_that_nobody_posted_cannot_be_replaced(notifier: &dyn Notifier) {
    let posted = notifier.post(&message("one"), None).await.unwrap();
    let unknown = MessageId(format!("{}9", posted.0));
    let error = notifier.update(&unknown, &message("two")).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
}

pub async fn any_text_is_taken(notifier: &dyn Notifier) {
    let text = format!("<!channel> & <b> `code` *bold* \u{1F680} {}", "long ".repeat(20_000));
    let odd = Message { mood: Mood::Bad, title: "a < b & c > d\nnext".to_owned(), text };
    notifier.post(&odd, None).await.unwrap();
    notifier.post(&Message { text: String::new(), ..odd }, None).await.unwrap();
}
