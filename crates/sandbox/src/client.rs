//! The client of a running sandbox's admin calls.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    calls::Call,
    faults::FaultRule,
    inventory::Inventory,
    server::SandboxInfo,
    settings::{Settings, SettingsChange},
};

/// How long an admin call may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Controls a running sandbox.
#[derive(Debug, Clone)]
pub struct AdminClient {
    info: SandboxInfo,
}

/// Why an admin call failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The server cannot be reached or ended the connection.
    #[error("{operation} of the sandbox at {address}: its server does not answer")]
    Unreachable {
        /// What was attempted.
        operation: &'static str,
        /// The server's base address.
        address: String,
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server did not answer in time.
    #[error("{operation} of the sandbox at {address}: no answer within {} s", DEADLINE.as_secs())]
    TimedOut {
        /// What was attempted.
        operation: &'static str,
        /// The server's base address.
        address: String,
    },
    /// The server refused.
    #[error("{operation} of the sandbox: {message}")]
    Refused {
        /// What was attempted.
        operation: &'static str,
        /// The status of the answer.
        status: StatusCode,
        /// What the server said.
        message: String,
    },
    /// The answer has another shape than expected.
    #[error("{operation} of the sandbox: the answer cannot be read; the server may be of another version")]
    Unreadable {
        /// What was attempted.
        operation: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl AdminClient {
    /// A client of the server that wrote this information.
    #[must_use]
    pub fn new(info: SandboxInfo) -> Self {
        Self { info }
    }

    /// What the server said of itself.
    #[must_use]
    pub fn info(&self) -> &SandboxInfo {
        &self.info
    }

    /// Everything that exists in the sandbox.
    ///
    /// # Errors
    /// When the server cannot be reached or its answer not read.
    pub async fn inventory(&self) -> Result<Inventory, AdminError> {
        self.read("inventory", "/admin/inventory").await
    }

    /// All that the services hold: the state of each service, and the objects of each cluster.
    ///
    /// # Errors
    /// When the server cannot be reached or its answer not read.
    pub async fn contents(&self) -> Result<serde_json::Value, AdminError> {
        self.read("contents", "/admin/contents").await
    }

    /// The settings in force.
    ///
    /// # Errors
    /// When the server cannot be reached or its answer not read.
    pub async fn settings(&self) -> Result<Settings, AdminError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            settings: Settings,
        }
        self.read::<Answer>("read settings", "/admin/settings").await.map(|answer| answer.settings)
    }

    /// Changes settings and moves time.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses a setting.
    pub async fn configure(&self, change: &SettingsChange) -> Result<(), AdminError> {
        self.write("configure", Method::POST, "/admin/configure", &json!(change)).await
    }

    /// Adds a fault rule.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses the rule.
    pub async fn fault(&self, rule: &FaultRule) -> Result<(), AdminError> {
        self.write("add a fault", Method::POST, "/admin/faults", &json!(rule)).await
    }

    /// Removes all fault rules.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn clear_faults(&self) -> Result<(), AdminError> {
        self.write("clear faults", Method::DELETE, "/admin/faults", &json!({})).await
    }

    /// Forgets everything in the sandbox but its addresses, secrets and settings.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reset(&self) -> Result<(), AdminError> {
        self.write("reset", Method::POST, "/admin/reset", &json!({})).await
    }

    /// Ends the server; its state stays in its folder. One that ended before its answer was out has ended all the same.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn stop(&self) -> Result<(), AdminError> {
        let asked = self.write("stop", Method::POST, "/admin/stop", &json!({})).await;
        match asked {
            Err(AdminError::Unreachable { .. }) if TcpStream::connect(self.authority()).await.is_err() => {
                Ok(())
            }
            asked => asked,
        }
    }

    /// The server's host and port.
    fn authority(&self) -> &str {
        self.info.address.trim_start_matches("http://")
    }

    /// The newest calls numbered above `after`, oldest first.
    ///
    /// # Errors
    /// When the server cannot be reached or its answer not read.
    pub async fn calls(&self, after: u64) -> Result<Vec<Call>, AdminError> {
        self.read("calls", &format!("/admin/calls?after={after}")).await
    }

    /// True when the server answers.
    pub async fn is_up(&self) -> bool {
        self.send("ping", Method::GET, "/admin/ping", Bytes::new()).await.is_ok()
    }

    async fn read<T: DeserializeOwned>(&self, operation: &'static str, path: &str) -> Result<T, AdminError> {
        let body = self.send(operation, Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&body).map_err(|source| AdminError::Unreadable { operation, source })
    }

    async fn write(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(), AdminError> {
        self.send(operation, method, path, Bytes::from(body.to_string())).await.map(|_| ())
    }

    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, AdminError> {
        let answer = tokio::time::timeout(DEADLINE, self.exchange(method, path, body)).await;
        let (status, body) = match answer {
            Err(_) => return Err(AdminError::TimedOut { operation, address: self.info.address.clone() }),
            Ok(Err(source)) => {
                return Err(AdminError::Unreachable {
                    operation,
                    address: self.info.address.clone(),
                    source,
                });
            }
            Ok(Ok(answer)) => answer,
        };
        if status.is_success() {
            return Ok(body);
        }
        let told = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let message = told.and_then(|told| Some(told["message"].as_str()?.to_owned()));
        Err(AdminError::Refused { operation, status, message: message.unwrap_or_else(|| status.to_string()) })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let authority = self.authority();
        let stream = TcpStream::connect(authority).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.info.admin_token))
            .body(Full::new(body))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
        };
        tokio::pin!(exchange);
        tokio::pin!(connection);
        tokio::select! {
            answer = &mut exchange => Ok(answer?),
            ended = &mut connection => {
                ended?;
                Ok(exchange.await?)
            }
        }
    }
}
