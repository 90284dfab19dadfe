//! REST to PoETs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use spacecraft_core::traits::{PoetInfo, PoetStart};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Client, Dialect, Plain, Refusal, Reply, Request};

/// How long one attempt and all attempts of a call may take. Starting makes a PoET dial all its gateways.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// What both generations of PoETs say of themselves; they spell the key differently.
#[derive(Debug, Deserialize)]
struct Info {
    #[serde(default, alias = "servicePubKey", alias = "servicePubkey", alias = "service_pubkey")]
    public_key: String,
    #[serde(default, alias = "openRoundId", alias = "open_round_id")]
    open_round: Option<String>,
    /// Only v1 has it: a PoET that knows the phase of its rounds opens them by itself.
    #[serde(default, alias = "phaseShift", alias = "phase_shift")]
    phase_shift: Option<String>,
}

impl Info {
    fn starts_itself(&self) -> bool {
        self.phase_shift.is_some()
    }

    fn is_started(&self) -> bool {
        self.starts_itself() || self.open_round.as_ref().is_none_or(|round| !round.is_empty())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    gateway_addresses: &'a [String],
    disable_broadcast: bool,
    /// How many gateways must be reached, and must take a proof, for that to count as done.
    conn_acks_threshold: u32,
    broadcast_acks_threshold: u32,
}

pub(crate) async fn info(client: &Client, rest: SocketAddr) -> Result<PoetInfo> {
    Ok(match read_info(client, rest).await? {
        Some(info) => PoetInfo { started: info.is_started(), public_key: info.public_key },
        None => PoetInfo { public_key: String::new(), started: false },
    })
}

/// What a PoET says of itself; a v0 PoET that was not started says nothing.
async fn read_info(client: &Client, rest: SocketAddr) -> Result<Option<Info>> {
    let request = client.get(format!("http://{rest}/v1/info")).about("read info of PoET", rest.to_string());
    match prepare(request).send().await {
        Ok(response) => response.json("what a PoET says of itself").map(Some),
        Err(error) if error.meaning() == Meaning::PreconditionFailed => Ok(None),
        Err(error) => Err(error),
    }
}

/// Starts a v0 PoET. It looks before, because a PoET that was started already would dial its gateways again, and afterwards when
/// its reply was lost.
pub(crate) async fn start(client: &Client, rest: SocketAddr, start: &PoetStart) -> Result<bool> {
    match read_info(client, rest).await? {
        Some(info) if info.starts_itself() => return Err(starts_itself(rest)),
        Some(info) if info.is_started() => return Ok(false),
        _ => {}
    }
    let Err(error) = post_start(client, rest, start).await else { return Ok(true) };
    match error.meaning() {
        Meaning::AlreadyExists => Ok(false),
        Meaning::NotFound => Err(starts_itself(rest).with_source(error)),
        _ if error.effect() == Effect::Possible => match info(client, rest).await {
            Ok(PoetInfo { started: true, .. }) => Ok(true),
            _ => Err(error),
        },
        _ => Err(error),
    }
}

async fn post_start(client: &Client, rest: SocketAddr, start: &PoetStart) -> Result<()> {
    let body = Start {
        gateway_addresses: &start.gateways,
        disable_broadcast: false,
        conn_acks_threshold: 1,
        broadcast_acks_threshold: 1,
    };
    let request = client.post(format!("http://{rest}/v1/start")).about("start PoET", rest.to_string());
    let response = prepare(request).json(&body).send().await?;
    response.json::<BTreeMap<String, IgnoredAny>>("an empty object").map(drop)
}

fn starts_itself(rest: SocketAddr) -> Error {
    let reason = "it cannot be started by a call";
    Error::new(Meaning::Unsupported, "start PoET", rest.to_string(), reason)
        .with_hint("PoETs from v0.7 on start themselves at the genesis time: use --generation v1 with them")
}

fn prepare(request: Request) -> Request {
    request.dialect(Arc::new(PoetDialect)).timeout(ATTEMPT_TIMEOUT).deadline(LONGEST_CALL)
}

/// How a PoET says no. Whether it has been started is in the words alone: all codes are the same.
#[derive(Debug)]
struct PoetDialect;

impl Dialect for PoetDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        let refusal = Plain.refusal(reply)?;
        let meaning = match refusal.message.to_lowercase() {
            words if words.contains("already started") => Meaning::AlreadyExists,
            words if words.contains("not started") => Meaning::PreconditionFailed,
            _ => return Some(refusal),
        };
        Some(Refusal::new(meaning, refusal.message, refusal.code))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_http::{HeaderMap, StatusCode};

    use super::*;

    proptest! {
        #[test]
        fn no_reply_of_a_poet_makes_reading_panic(
            bytes in any::<Vec<u8>>(),
            key in "[\\PC]{0,20}",
            round in proptest::option::of("[\\PC]{0,8}"),
            status in 200_u16..600,
        ) {
            let document = serde_json::json!({"servicePubkey": key, "openRoundId": round}).to_string();
            let info: Info = serde_json::from_str(&document).unwrap();
            prop_assert_eq!(info.is_started(), round.as_ref().is_none_or(|round| !round.is_empty()));
            let _ = serde_json::from_slice::<Info>(&bytes);
            let status = StatusCode::from_u16(status).unwrap();
            for body in [&bytes[..], document.as_bytes()] {
                let refused = PoetDialect.refusal(&Reply { status, headers: &HeaderMap::new(), body });
                prop_assert_eq!(refused.is_none(), status.is_success());
            }
        }
    }
}
