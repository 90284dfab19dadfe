//! GitHub's REST API: releases and their assets.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    context::Context,
    google::bearer,
    wire::{Request, Response},
};

const MAX_ASSETS: usize = 1_000;
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];
/// The permissions that changing a release and seeing a repository need.
const WRITE_CONTENTS: &str = "contents:write";
const READ_METADATA: &str = "metadata:read";

/// All releases of all repositories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GitHub {
    releases: Vec<Release>,
    last_id: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Release {
    id: u64,
    /// `OWNER/NAME`.
    repository: String,
    tag_name: String,
    target_commitish: String,
    name: String,
    body: String,
    draft: bool,
    prerelease: bool,
    created_at: Timestamp,
    published_at: Option<Timestamp>,
    assets: Vec<Asset>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Asset {
    id: u64,
    name: String,
    label: Option<String>,
    content_type: String,
    size: usize,
    digest: String,
    #[serde(with = "crate::stored_bytes")]
    data: Bytes,
    created_at: Timestamp,
}

struct Refusal(StatusCode, Value, Option<&'static str>);

type Reply = Result<Response, Refusal>;

fn refusal(status: StatusCode, message: &str) -> Refusal {
    Refusal(
        status,
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.as_u16().to_string()}),
        None,
    )
}

fn not_found() -> Refusal {
    refusal(StatusCode::NOT_FOUND, "Not Found")
}

fn validation_failed(resource: &str, code: &str, field: &str) -> Refusal {
    let mut body = refusal(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed").1;
    body["errors"] = json!([{"resource": resource, "code": code, "field": field}]);
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, body, None)
}

/// The refusal of a token that lacks a permission, which a header names.
fn not_accessible() -> Refusal {
    let Refusal(status, body, _) =
        refusal(StatusCode::FORBIDDEN, "Resource not accessible by personal access token");
    Refusal(status, body, Some("contents=write"))
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rights {
    known: bool,
    sees: bool,
    pushes: bool,
}

impl GitHub {
    /// Every release: repository, tag, draft, and the names of its assets.
    pub(crate) fn summary(&self) -> Vec<Value> {
        self.releases
            .iter()
            .map(|release| {
                json!({"repository": release.repository, "tag": release.tag_name, "draft": release.draft,
                       "assets": release.assets.iter().map(|asset| &asset.name).collect::<Vec<_>>()})
            })
            .collect()
    }

    /// Answers a request to the API or, with `uploads`, to the upload host.
    pub(crate) fn handle(
        &mut self,
        request: &Request,
        uploads: bool,
        check_token: bool,
        context: &Context<'_>,
    ) -> Response {
        let all = Rights { known: true, sees: true, pushes: true };
        let authorized = if check_token { authorize(request, context) } else { Ok(all) };
        let reply = authorized.and_then(|rights| self.route(request, uploads, rights, context));
        let refused = |Refusal(status, body, needed): Refusal| {
            let response = Response::json(status, &body);
            match needed {
                Some(needed) => response.with_header("x-accepted-github-permissions", needed),
                None => response,
            }
        };
        reply.unwrap_or_else(refused).with_header(
            "x-github-api-version-selected",
            request.header("x-github-api-version").unwrap_or(VERSIONS[0]),
        )
    }

    fn route(&mut self, request: &Request, uploads: bool, rights: Rights, context: &Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["repos", owner, repository, rest @ ..] = parts.as_slice() else {
            return Err(not_found());
        };
        let repository = format!("{owner}/{repository}");
        if !rights.sees {
            return Err(not_found());
        }
        let rest = match rest {
            [] if request.method == Method::GET && !uploads => {
                return Ok(repository_reply(&repository, rights));
            }
            ["releases", rest @ ..] => rest,
            _ => return Err(not_found()),
        };
        if request.is_write() && !rights.pushes {
            let unknown = refusal(StatusCode::UNAUTHORIZED, "Requires authentication");
            return Err(if rights.known { not_accessible() } else { unknown });
        }
        let may_push = rights.pushes;
        match (&request.method, uploads, rest) {
            (&Method::POST, true, [id, "assets"]) => self.upload(request, &repository, id, context),
            (&Method::POST, false, []) => self.create(request, repository, context),
            (&Method::GET, false, []) => self.list(request, &repository, may_push, context),
            (&Method::GET, false, ["tags", tag]) => {
                let found = self.releases.iter().find(|release| {
                    release.repository == repository && release.tag_name == *tag && !release.draft
                });
                Ok(Response::json(StatusCode::OK, &found.ok_or_else(not_found)?.to_json(context)))
            }
            (_, false, ["assets", id]) => self.asset(request, &repository, id, context),
            (&Method::GET, false, [id, "assets"]) => {
                let release = self.release(&repository, id)?;
                let assets: Vec<Value> =
                    release.assets.iter().map(|asset| asset.to_json(release, context)).collect();
                Ok(Response::json(StatusCode::OK, &assets))
            }
            (&Method::GET, false, [id]) => {
                let release = self.release(&repository, id)?;
                if release.draft && !may_push {
                    return Err(not_found());
                }
                Ok(Response::json(StatusCode::OK, &release.to_json(context)))
            }
            (&Method::PATCH, false, [id]) => self.edit(request, &repository, id, context),
            (&Method::DELETE, false, [id]) => {
                let id = self.release(&repository, id)?.id;
                self.releases.retain(|release| release.id != id);
                Ok(Response::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(not_found()),
        }
    }

    fn release(&self, repository: &str, id: &str) -> Result<&Release, Refusal> {
        let found = self
            .releases
            .iter()
            .find(|release| release.repository == repository && release.id.to_string() == id);
        found.ok_or_else(not_found)
    }

    fn release_mut(&mut self, repository: &str, id: &str) -> Result<&mut Release, Refusal> {
        let mut all = self.releases.iter_mut();
        all.find(|release| release.repository == repository && release.id.to_string() == id)
            .ok_or_else(not_found)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        100_000 + self.last_id
    }

    fn tag_is_published(&self, repository: &str, tag: &str, but: u64) -> bool {
        self.releases.iter().any(|release| {
            release.repository == repository && release.tag_name == tag && !release.draft && release.id != but
        })
    }

    fn create(&mut self, request: &Request, repository: String, context: &Context<'_>) -> Reply {
        let body = read_object(request)?;
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let tag_name = text("tag_name");
        if tag_name.is_empty() {
            return Err(validation_failed("Release", "missing_field", "tag_name"));
        }
        let draft = body["draft"] == true;
        if !draft && self.tag_is_published(&repository, &tag_name, 0) {
            return Err(validation_failed("Release", "already_exists", "tag_name"));
        }
        let target = text("target_commitish");
        let release = Release {
            id: self.next_id(),
            repository,
            tag_name,
            target_commitish: if target.is_empty() { "main".to_owned() } else { target },
            name: text("name"),
            body: text("body"),
            draft,
            prerelease: body["prerelease"] == true,
            created_at: context.now,
            published_at: (!draft).then_some(context.now),
            assets: Vec::new(),
        };
        let shown = release.to_json(context);
        self.releases.push(release);
        Ok(Response::json(StatusCode::CREATED, &shown))
    }

    fn list(&self, request: &Request, repository: &str, may_push: bool, context: &Context<'_>) -> Reply {
        let number = |name: &str, default: usize| {
            request
                .query_value(name)
                .and_then(|text| text.parse::<usize>().ok())
                .filter(|n| *n > 0)
                .unwrap_or(default)
        };
        let (page, per_page) = (number("page", 1), number("per_page", 30).min(100));
        let visible: Vec<&Release> = self
            .releases
            .iter()
            .rev()
            .filter(|release| release.repository == repository && (may_push || !release.draft))
            .collect();
        let shown: Vec<Value> = visible
            .iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page)
            .map(|r| r.to_json(context))
            .collect();
        let response = Response::json(StatusCode::OK, &shown);
        if visible.len() <= page.saturating_mul(per_page) {
            return Ok(response);
        }
        let root = context.environment.urls.of("api.github.com");
        let next = format!("<{root}{}?per_page={per_page}&page={}>; rel=\"next\"", request.path, page + 1);
        Ok(response.with_header("link", &next))
    }

    fn edit(&mut self, request: &Request, repository: &str, id: &str, context: &Context<'_>) -> Reply {
        let body = read_object(request)?;
        let known = self.release(repository, id)?;
        let publishes = body["draft"] == false;
        let tag = body["tag_name"].as_str().unwrap_or(&known.tag_name).to_owned();
        if (publishes || !known.draft) && self.tag_is_published(repository, &tag, known.id) {
            return Err(validation_failed("Release", "already_exists", "tag_name"));
        }
        let release = self.release_mut(repository, id)?;
        release.tag_name = tag;
        for (field, target) in [("name", &mut release.name), ("body", &mut release.body)] {
            if let Some(text) = body[field].as_str() {
                *target = text.to_owned();
            }
        }
        release.prerelease = body["prerelease"].as_bool().unwrap_or(release.prerelease);
        release.draft = body["draft"].as_bool().unwrap_or(release.draft);
        if !release.draft && release.published_at.is_none() {
            release.published_at = Some(context.now);
        }
        Ok(Response::json(StatusCode::OK, &release.to_json(context)))
    }

    fn upload(&mut self, request: &Request, repository: &str, id: &str, context: &Context<'_>) -> Reply {
        let name = request.query_value("name").unwrap_or_default();
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '.' })
            .collect();
        let content_type = request.header("content-type").unwrap_or_default().to_owned();
        if name.is_empty() || content_type.is_empty() || request.body.is_empty() {
            return Err(refusal(StatusCode::BAD_REQUEST, "Bad Content-Length, Content-Type or name"));
        }
        let asset = Asset {
            id: self.next_id(),
            name,
            label: request.query_value("label"),
            content_type,
            size: request.body.len(),
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&request.body))),
            data: request.body.clone(),
            created_at: context.now,
        };
        let release = self.release_mut(repository, id)?;
        if release.assets.iter().any(|known| known.name == asset.name) {
            return Err(validation_failed("ReleaseAsset", "already_exists", "name"));
        }
        if release.assets.len() >= MAX_ASSETS {
            return Err(validation_failed("Release", "custom", "file_count"));
        }
        let shown = asset.to_json(release, context);
        release.assets.push(asset);
        Ok(Response::json(StatusCode::CREATED, &shown))
    }

    fn asset(&mut self, request: &Request, repository: &str, id: &str, context: &Context<'_>) -> Reply {
        let of = |release: &Release| {
            release.repository == repository && release.assets.iter().any(|a| a.id.to_string() == id)
        };
        let release = self.releases.iter_mut().find(|release| of(release)).ok_or_else(not_found)?;
        let position =
            release.assets.iter().position(|asset| asset.id.to_string() == id).ok_or_else(not_found)?;
        if request.method == Method::DELETE {
            release.assets.remove(position);
            return Ok(Response::empty(StatusCode::NO_CONTENT));
        }
        let asset = release.assets.get(position).ok_or_else(not_found)?;
        if request.header("accept") != Some("application/octet-stream") {
            return Ok(Response::json(StatusCode::OK, &asset.to_json(release, context)));
        }
        let content_type = HeaderValue::from_str(&asset.content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        Ok(Response::with_type(StatusCode::OK, content_type, asset.data.clone()))
    }
}

/// A repository; every one that is asked for exists.
fn repository_reply(repository: &str, rights: Rights) -> Response {
    let permissions = json!({"admin": false, "push": rights.pushes, "pull": true});
    let mut body = json!({"full_name": repository, "private": false, "default_branch": "main"});
    if rights.known {
        body["permissions"] = permissions;
    }
    Response::json(StatusCode::OK, &body)
}

/// What the caller may do; a wrong token or a missing User-Agent is refused.
fn authorize(request: &Request, context: &Context<'_>) -> Result<Rights, Refusal> {
    if request.header("user-agent").is_none_or(str::is_empty) {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
        ));
    }
    if let Some(version) =
        request.header("x-github-api-version").filter(|version| !VERSIONS.contains(version))
    {
        return Err(refusal(StatusCode::BAD_REQUEST, &format!("Unsupported API version {version}")));
    }
    match bearer(request) {
        None => Ok(Rights { known: false, sees: true, pushes: false }),
        Some(token) if token == context.environment.credentials.github_token => {
            let denied = &context.settings.denied_github_permissions;
            let (sees, pushes) = (!denied.contains(READ_METADATA), !denied.contains(WRITE_CONTENTS));
            Ok(Rights { known: true, sees, pushes: sees && pushes })
        }
        Some(_) => Err(refusal(StatusCode::UNAUTHORIZED, "Bad credentials")),
    }
}

fn read_object(request: &Request) -> Result<Value, Refusal> {
    let parsed = serde_json::from_slice::<Value>(&request.body).ok().filter(Value::is_object);
    parsed.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON"))
}

impl Release {
    fn to_json(&self, context: &Context<'_>) -> Value {
        let api = context.environment.urls.of("api.github.com");
        let uploads = context.environment.urls.of("uploads.github.com");
        let path = format!("repos/{}/releases/{}", self.repository, self.id);
        let assets: Vec<Value> = self.assets.iter().map(|asset| asset.to_json(self, context)).collect();
        json!({
            "id": self.id, "node_id": format!("RE_{}", self.id), "tag_name": self.tag_name,
            "target_commitish": self.target_commitish, "name": self.name, "body": self.body, "draft": self.draft,
            "prerelease": self.prerelease, "immutable": false, "created_at": self.created_at,
            "published_at": self.published_at, "url": format!("{api}/{path}"),
            "upload_url": format!("{uploads}/{path}/assets{{?name,label}}"),
            "html_url": format!("https://github.com/{}/releases/tag/{}", self.repository, self.tag_name),
            "assets": assets,
        })
    }
}

impl Asset {
    fn to_json(&self, release: &Release, context: &Context<'_>) -> Value {
        let api = context.environment.urls.of("api.github.com");
        json!({
            "id": self.id, "name": self.name, "label": self.label, "state": "uploaded", "size": self.size,
            "content_type": self.content_type, "digest": self.digest, "created_at": self.created_at,
            "url": format!("{api}/repos/{}/releases/assets/{}", release.repository, self.id),
            "browser_download_url": format!(
                "https://github.com/{}/releases/download/{}/{}", release.repository, release.tag_name, self.name
            ),
        })
    }
}
