mod node;
mod poet;

use std::net::SocketAddr;
use std::sync::Arc;

use spacecraft_http::{Client, ClientOptions};
use spacecraft_testkit::TestClock;
use spacecraft_testkit::conformance::Subject;
use spacecraft_testkit::conformance::spacemesh::Processes;
use wiremock::MockServer;

use crate::Spacemesh;

spacecraft_testkit::spacemesh_api_conformance!(async {
    let processes = Running {
        node: node::serve(vec![Ok(node::answer())]).await,
        poet: poet::Poet::default().serve().await,
        silent: silent_address().await,
    };
    Subject::new(spacemesh()).keeping(processes)
});

struct Running {
    node: SocketAddr,
    poet: MockServer,
    silent: SocketAddr,
}

impl Processes for Running {
    fn node(&self) -> SocketAddr {
        self.node
    }

    fn poet(&self) -> SocketAddr {
        *self.poet.address()
    }

    fn silent(&self) -> SocketAddr {
        self.silent
    }
}

/// An address whose port was free a moment ago and on which nothing listens.
async fn silent_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn spacemesh() -> Spacemesh {
    let options = ClientOptions { clock: Arc::new(TestClock::default()), ..ClientOptions::default() };
    Spacemesh::new(Client::new(options).unwrap())
}
