//! Messages on a simulated workspace.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{Message, MessageId, Mood, Notifier};
use spacecraft_core::{Effect, Meaning};
use spacecraft_http::{Client, ClientOptions, Url};
use spacecraft_slack::{Slack, SlackOptions};
use spacecraft_testkit::TestClock;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TOKEN: &str = "token-of-the-test";
const CHANNEL: &str = "C123";

mod conformance {
    use spacecraft_testkit::conformance::Subject;

    use crate::{Workspace, connect};

    spacecraft_testkit::notifier_conformance!(async {
        let server = Workspace::default().serve().await;
        Subject::new(connect(&server).0).keeping(server)
    });
}

/// As much of Slack as the notifier uses: it takes messages in one channel and remembers them.
#[derive(Clone, Default)]
struct Workspace(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    messages: Vec<Value>,
    answers: VecDeque<(bool, ResponseTemplate)>,
    calls: usize,
}

impl Workspace {
    async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    /// Answers the next call with this instead of doing it.
    fn refuse_next(&self, answer: ResponseTemplate) {
        self.0.lock().unwrap().answers.push_back((false, answer));
    }

    /// Does the next call and answers it with this.
    fn misreport_next(&self, answer: ResponseTemplate) {
        self.0.lock().unwrap().answers.push_back((true, answer));
    }

    fn messages(&self) -> Vec<Value> {
        self.0.lock().unwrap().messages.clone()
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }
}

impl Respond for Workspace {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let authorized =
            request.headers.get("authorization").is_some_and(|value| *value == format!("Bearer {TOKEN}"));
        if !authorized {
            return no("invalid_auth");
        }
        match state.answers.pop_front() {
            Some((true, answer)) => {
                state.answer(request);
                answer
            }
            Some((false, answer)) => answer,
            None => state.answer(request),
        }
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.url.path(), body["channel"].as_str()) {
            ("/api/auth.test", _) => ok(json!({"team": "T", "user": "bot"})),
            ("/api/chat.postMessage", Some(CHANNEL)) => self.post(body),
            ("/api/chat.update", Some(CHANNEL)) => self.update(&body),
            ("/api/chat.postMessage" | "/api/chat.update", _) => no("channel_not_found"),
            _ => no("unknown_method"),
        }
    }

    fn post(&mut self, mut body: Value) -> ResponseTemplate {
        let ts = format!("1503435956.{:06}", self.messages.len() + 1);
        body["ts"] = json!(ts);
        self.messages.push(body);
        ok(json!({"channel": CHANNEL, "ts": ts}))
    }

    fn update(&mut self, body: &Value) -> ResponseTemplate {
        match self.messages.iter_mut().find(|message| message["ts"] == body["ts"]) {
            Some(message) => {
                message["text"] = body["text"].clone();
                ok(json!({"channel": CHANNEL, "ts": body["ts"]}))
            }
            None => no("message_not_found"),
        }
    }
}

fn ok(mut body: Value) -> ResponseTemplate {
    body["ok"] = json!(true);
    ResponseTemplate::new(200).set_body_json(body)
}

fn no(code: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": code}))
}

fn connect_with(server: &MockServer, channel: &str, token: &str) -> (Slack, TestClock) {
    let clock = TestClock::default();
    let options = ClientOptions { clock: Arc::new(clock.clone()), ..ClientOptions::default() };
    let slack = SlackOptions {
        api: Url::parse(&format!("{}/api", server.uri())).unwrap(),
        channel: channel.to_owned(),
        token: SecretString::from(token),
    };
    (Slack::new(Client::new(options).unwrap(), slack), clock)
}

fn connect(server: &MockServer) -> (Slack, TestClock) {
    connect_with(server, CHANNEL, TOKEN)
}

fn message() -> Message {
    Message { mood: Mood::Good, title: "net1 is ready".to_owned(), text: "10 <nodes>".to_owned() }
}

#[tokio::test]
async fn a_message_is_posted_with_its_text_escaped() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    let id = connect(&server).0.post(&message(), None).await.unwrap();
    assert_eq!(id, MessageId("C123/1503435956.000001".to_owned()));
    let posted = &workspace.messages()[0];
    assert_eq!(posted["text"], "\u{2705} net1 is ready\n10 &lt;nodes&gt;");
    assert_eq!((&posted["unfurl_links"], &posted["thread_ts"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn an_answer_goes_into_the_thread_of_its_message() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    let (slack, _) = connect(&server);
    let parent = slack.post(&message(), None).await.unwrap();
    slack.post(&message(), Some(&parent)).await.unwrap();
    assert_eq!(workspace.messages()[1]["thread_ts"], "1503435956.000001");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_asked() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    let body = json!({"ok": false, "error": "ratelimited"});
    workspace.refuse_next(ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_json(body));
    let (slack, clock) = connect(&server);
    slack.post(&message(), None).await.unwrap();
    assert_eq!(workspace.messages().len(), 1);
    assert!(clock.slept().iter().any(|pause| pause.as_secs() == 7), "{:?}", clock.slept());
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_never_repeated() {
    for answer in [ResponseTemplate::new(500), ResponseTemplate::new(503), no("fatal_error")] {
        let workspace = Workspace::default();
        let server = workspace.serve().await;
        workspace.misreport_next(answer);
        let error = connect(&server).0.post(&message(), None).await.unwrap_err();
        assert_eq!((error.meaning(), error.effect()), (Meaning::Unavailable, Effect::Possible));
        assert_eq!((workspace.messages().len(), workspace.calls()), (1, 1));
    }
}

#[tokio::test]
async fn an_update_is_repeated_until_it_is_answered() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    let (slack, _) = connect(&server);
    let id = slack.post(&message(), None).await.unwrap();
    workspace.misreport_next(ResponseTemplate::new(502));
    workspace.refuse_next(no("internal_error"));
    slack.update(&id, &Message { text: "done".to_owned(), ..message() }).await.unwrap();
    assert_eq!(workspace.messages()[0]["text"], "\u{2705} net1 is ready\ndone");
    assert_eq!(workspace.calls(), 4);
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    for (code, meaning) in [
        ("not_in_channel", Meaning::Denied),
        ("is_archived", Meaning::Denied),
        ("missing_scope", Meaning::Denied),
        ("msg_too_long", Meaning::Invalid),
        ("channel_not_found", Meaning::NotFound),
    ] {
        let workspace = Workspace::default();
        let server = workspace.serve().await;
        workspace.refuse_next(no(code));
        let error = connect(&server).0.post(&message(), None).await.unwrap_err();
        assert_eq!(error.meaning(), meaning, "{code}");
        assert!(error.reason().contains(code));
        assert_eq!(error.resource(), "channel C123");
    }
}

#[tokio::test]
async fn a_channel_that_does_not_exist_is_not_found() {
    let server = Workspace::default().serve().await;
    let (slack, _) = connect_with(&server, "C999", TOKEN);
    let error = slack.post(&message(), None).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_token_that_is_wrong_is_denied_and_never_shown() {
    let server = Workspace::default().serve().await;
    let (slack, _) = connect_with(&server, CHANNEL, "wrong-token-of-the-test");
    let error = slack.check_access().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(!format!("{error:?} {slack:?}").contains("wrong-token-of-the-test"));
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_post() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    workspace.refuse_next(ResponseTemplate::new(200).set_body_string("<html>sign in first</html>"));
    assert_eq!(connect(&server).0.post(&message(), None).await.unwrap_err().meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_name_that_is_no_message_is_refused_without_a_call() {
    let workspace = Workspace::default();
    let server = workspace.serve().await;
    let (slack, _) = connect(&server);
    let odd = MessageId("odd".to_owned());
    assert_eq!(slack.update(&odd, &message()).await.unwrap_err().meaning(), Meaning::NotFound);
    assert!(slack.post(&message(), Some(&odd)).await.is_err());
    assert_eq!(workspace.calls(), 0);
}
