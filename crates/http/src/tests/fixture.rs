use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use spacecraft_core::time::{Clock, SeededRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Client, ClientOptions, Timeouts, TrafficCounter};

/// A clock on which sleeping takes no time and is remembered.
#[derive(Debug)]
pub(super) struct VirtualClock {
    now: Mutex<Timestamp>,
    pauses: Mutex<Vec<Duration>>,
}

impl VirtualClock {
    pub(super) fn new() -> Arc<Self> {
        let start = "1994-11-06T08:49:07Z".parse().unwrap();
        Arc::new(Self { now: Mutex::new(start), pauses: Mutex::default() })
    }

    pub(super) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += SignedDuration::try_from(duration).unwrap();
        self.pauses.lock().unwrap().push(duration);
    }
}

/// A client in virtual time, with what it did.
pub(super) struct Fixture {
    pub(super) client: Client,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) traffic: Arc<TrafficCounter>,
}

pub(super) fn fixture() -> Fixture {
    fixture_with(|_| {})
}

pub(super) fn fixture_with(adjust: impl FnOnce(&mut ClientOptions)) -> Fixture {
    let clock = VirtualClock::new();
    let traffic = Arc::new(TrafficCounter::default());
    let mut options = ClientOptions {
        timeouts: Timeouts { connect: Duration::from_secs(5), attempt: Duration::from_secs(20) },
        clock: clock.clone(),
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
