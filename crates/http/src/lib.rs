//! The one HTTP client of all REST calls: retry, deadlines, redaction, error bodies.
//!
//! A call is described by a [`Request`]: what is attempted on what, how it may be repeated ([`Idempotency`]), who asks
//! ([`Credential`]) and how the service words its refusals ([`Dialect`]). Sending it tries again as far as that allows,
//! with growing random pauses, and ends in a [`Response`] whose body is bounded, or in an [`Error`](spacecraft_core::Error)
//! that names operation and resource, keeps the server's message and says whether the call may have taken effect.
//!
//! ```no_run
//! # async fn example(client: spacecraft_http::Client, tokens: std::sync::Arc<dyn spacecraft_core::traits::BearerTokens>)
//! #     -> spacecraft_core::Result<()> {
//! # #[derive(serde::Deserialize)] struct Zones {}
//! let zones: Zones = client
//!     .get("https://dns.example/zones")
//!     .about("list DNS zones", "example.com")
//!     .credential(spacecraft_http::Credential::Bearer(tokens))
//!     .query("name", "example.com")
//!     .send()
//!     .await?
//!     .json("a list of zones")?;
//! # Ok(()) }
//! ```
//!
//! What is not HTTP through this client but fails in the same ways (another protocol's or vendor's client) is retried by
//! the same [`Retrier`].

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod body;
mod call;
mod client;
mod credential;
mod dialect;
mod download;
mod exchange;
mod failure;
mod meter;
mod redact;
mod request;
mod response;
mod retry;
mod retry_after;

#[cfg(test)]
mod tests;

pub use body::Part;
pub use call::{Call, Idempotency};
pub use client::{Client, ClientIdentity, ClientOptions, Proxy, Timeouts};
pub use credential::Credential;
pub use dialect::{Dialect, Plain, Reply, describe_body, meaning_of_status, repeat_of_status};
pub use download::Downloaded;
pub use failure::{Failure, Refusal, Repeat};
pub use meter::{Attempt, Meter, Traffic, TrafficCounter};
pub use redact::{excerpt, shown_url};
pub use request::{Request, with_segments};
pub use response::Response;
pub use retry::{Retrier, RetryPolicy};

/// The HTTP vocabulary that callers need.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use url::Url;
