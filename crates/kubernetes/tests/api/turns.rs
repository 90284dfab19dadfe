//! How many requests are under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use futures::future::join_all;
use serde_json::json;
use spacecraft_core::traits::Workloads as _;
use tokio::net::TcpListener;

use crate::support::workloads;

/// How many requests a server works on, and how many it worked on at most.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Load {
    async fn carry(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server that has no objects and takes a while to say so.
async fn slow_server(load: Arc<Load>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = async move || {
        load.carry().await;
        json!({ "kind": "List", "metadata": { "resourceVersion": "1" }, "items": [] }).to_string()
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

#[tokio::test]
async fn however_much_is_asked_for_only_so_many_requests_are_under_way() {
    let load = Arc::new(Load::default());
    let workloads = workloads(&slow_server(load.clone()).await).await;
    let listed = join_all((0..300).map(|_| workloads.secrets())).await;
    assert!(listed.iter().all(Result::is_ok));
    let most = load.most.load(Ordering::SeqCst);
    assert!((2..=64).contains(&most), "{most} requests at once");
}
