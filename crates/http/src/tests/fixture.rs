use std::sync::Arc;
use std::time::Duration;

use spacecraft_core::time::SeededRandom;
use spacecraft_testkit::TestClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Client, ClientOptions, Timeouts, TrafficCounter};

/// A client in virtual time, with what it did.
pub(super) struct Fixture {
    pub(super) client: Client,
    pub(super) clock: TestClock,
    pub(super) traffic: Arc<TrafficCounter>,
}

pub(super) fn fixture() -> Fixture {
    fixture_with(|_| {})
}

pub(super) fn fixture_with(adjust: impl FnOnce(&mut ClientOptions)) -> Fixture {
    // The instant that the tests of dates in headers count from.
    let clock = TestClock::at("1994-11-06T08:49:07Z".parse().unwrap());
    let traffic = Arc::new(TrafficCounter::default());
    let mut options = ClientOptions {
        timeouts: Timeouts { connect: Duration::from_secs(5), attempt: Duration::from_secs(20) },
        clock: Arc::new(clock.clone()),
        random: Arc::new(SeededRandom::new(1)),
        meter: Some(traffic.clone()),
        ..ClientOptions::default()
    };
    adjust(&mut options);
    Fixture { client: Client::new(options).unwrap(), clock, traffic }
}

/// What a rude server does with one connection, once it has read the head of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rudeness {
    /// Writes this and closes.
    Write(&'static str),
    /// Writes this and keeps silent.
    WriteAndHang(&'static str),
}

/// A server that treats its connections as scripted, one after the other.
pub(super) struct RudeServer {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl RudeServer {
    pub(super) async fn start(script: Vec<Rudeness>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut hanging = Vec::new();
            for rudeness in script {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await.unwrap();
                match rudeness {
                    Rudeness::Write(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                    Rudeness::WriteAndHang(text) => {
                        stream.write_all(text.as_bytes()).await.unwrap();
                        hanging.push(stream);
                    }
                }
            }
            std::future::pending::<()>().await;
        });
        Self { url, task }
    }
}

impl Drop for RudeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
