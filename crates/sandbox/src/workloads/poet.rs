//! A proof-of-elapsed-time server's REST API, in both generations.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::process::Process;
use crate::wire::{Request, Response};

/// What a first-generation server was told by its start call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Poet {
    started: bool,
    gateways: Vec<String>,
}

/// What a process' arguments and environment make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoetIdentity {
    /// Standard base64 of the 32-byte public key.
    service_key: String,
    /// Present when the server starts itself from the genesis time.
    schedule: Option<Schedule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Schedule {
    phase_shift: String,
    cycle_gap: String,
}

impl PoetIdentity {
    /// Reads the process' flags, its configuration file (an INI file of the long flags' names) and environment.
    pub(crate) fn of(process: &Process) -> Self {
        let mut options = BTreeMap::new();
        if let Some(file) = process.argument("configfile").or_else(|| process.argument("c")) {
            options.extend(read_ini(&process.file(&file).unwrap_or_default()));
        }
        for name in ["genesis-time", "phase-shift", "cycle-gap", "initialduration", "duration", "gateway"] {
            if let Some(value) = process.argument(name) {
                options.insert(name.to_owned(), value);
            }
        }
        let starts_itself = options.contains_key("genesis-time") || !options.contains_key("initialduration");
        let schedule = starts_itself.then(|| Schedule {
            phase_shift: duration(options.get("phase-shift"), "15s"),
            cycle_gap: duration(options.get("cycle-gap"), "10s"),
        });
        Self { service_key: service_key(process), schedule }
    }

    /// Answers what needs no state; `None` for what does.
    pub(crate) fn answer(&self, request: &Request, state: impl FnOnce() -> Response) -> Response {
        let starts = ["/v1/start", "/v1/updategateway"].contains(&request.path.as_str());
        match (&self.schedule, request.method == Method::GET && request.path == "/v1/info") {
            (Some(schedule), true) => Response::json(
                StatusCode::OK,
                &json!({"openRoundId": "0", "executingRoundsIds": [], "servicePubkey": self.service_key,
                        "phaseShift": schedule.phase_shift, "cycleGap": schedule.cycle_gap, "certifier": null}),
            ),
            (Some(_), false) if request.path == "/v1/pow_params" => {
                let challenge = STANDARD.encode(Sha256::digest(self.service_key.as_bytes()));
                Response::json(
                    StatusCode::OK,
                    &json!({"powParams": {"challenge": challenge, "difficulty": 0}}),
                )
            }
            (Some(_), false) if starts => not_found(),
            (None, true) => self.with_key(state()),
            _ => state(),
        }
    }

    fn with_key(&self, response: Response) -> Response {
        let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else { return response };
        if response.status == StatusCode::OK {
            body["servicePubKey"] = json!(self.service_key);
        }
        Response::json(response.status, &body)
    }
}

fn not_found() -> Response {
    Response::json(StatusCode::NOT_FOUND, &json!({"code": 5, "message": "Not Found", "details": []}))
}

impl Poet {
    /// Answers the calls of a first-generation server.
    pub(super) fn handle(&mut self, request: &Request) -> Response {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, "/v1/info") if self.started => {
                Response::json(StatusCode::OK, &json!({"openRoundId": "0", "executingRoundsIds": []}))
            }
            (&Method::GET, "/v1/info") => failure("proof of elapsed time service not started"),
            (&Method::POST, "/v1/start") if self.started => failure("already started"),
            (&Method::POST, "/v1/start") => self.take_gateways(request, true),
            (&Method::POST, "/v1/updategateway") if !self.started => {
                failure("proof of elapsed time service not started")
            }
            (&Method::POST, "/v1/updategateway") => self.take_gateways(request, false),
            _ => not_found(),
        }
    }

    fn take_gateways(&mut self, request: &Request, start: bool) -> Response {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return Response::json(
                StatusCode::BAD_REQUEST,
                &json!({"code": 3, "message": "invalid request body"}),
            );
        };
        let gateways: Vec<String> = body["gatewayAddresses"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|address| Some(address.as_str()?.to_owned()))
            .collect();
        if gateways.is_empty() && body["disableBroadcast"] != true {
            return failure(
                "failed to connect to Spacemesh gateway nodes: no gateway addresses were provided",
            );
        }
        self.started = self.started || start;
        self.gateways = gateways;
        Response::json(StatusCode::OK, &json!({}))
    }
}

fn failure(message: &str) -> Response {
    Response::json(
        StatusCode::INTERNAL_SERVER_ERROR,
        &json!({"error": message, "code": 2, "message": message, "details": []}),
    )
}

/// The public half of the key in the environment (base64 of seed then public key), or one made from the pod's name.
fn service_key(process: &Process) -> String {
    let given =
        process.environment.get("POET_PRIVATE_KEY").and_then(|text| STANDARD.decode(text.trim()).ok());
    let public = given.as_deref().and_then(|key| key.get(32..64)).map(<[u8]>::to_vec);
    STANDARD.encode(public.unwrap_or_else(|| Sha256::digest(process.identity.as_bytes()).to_vec()))
}

fn read_ini(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        .collect()
}

/// A Go duration as the JSON gateway prints it: whole seconds.
fn duration(text: Option<&String>, default: &str) -> String {
    let seconds = text.and_then(|text| super::process::go_duration_seconds(text));
    seconds.map_or_else(|| default.to_owned(), |seconds| format!("{seconds}s"))
}
