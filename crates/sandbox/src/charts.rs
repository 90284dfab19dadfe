//! Chart repositories: our own small charts under the public names, packed and indexed as `helm repo index` does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};

use crate::wire::{Request, Response};

/// Repository, chart, path below the chart, content.
type ChartFile = (&'static str, &'static str, &'static str, &'static [u8]);

const FILES: &[ChartFile] = include!(concat!(env!("OUT_DIR"), "/charts.rs"));

/// Folder of a repository's charts, and its public address: host, and path below it.
const REPOSITORIES: [(&str, &str, &str); 5] = [
    ("elastic", "helm.elastic.co", ""),
    ("ingress-nginx", "kubernetes.github.io", "/ingress-nginx"),
    ("prometheus-community", "prometheus-community.github.io", "/helm-charts"),
    ("chaos-mesh", "charts.chaos-mesh.org", ""),
    ("spacemesh", "spacemeshos.github.io", "/ws-helm-charts"),
];

/// A packed chart.
#[derive(Debug)]
struct Package {
    file_name: String,
    archive: Bytes,
    digest: String,
    /// The chart's `Chart.yaml`.
    metadata: serde_json::Value,
}

static PACKAGES: LazyLock<BTreeMap<&'static str, Vec<Package>>> = LazyLock::new(|| {
    REPOSITORIES
        .iter()
        .map(|(folder, ..)| (*folder, charts_of(folder).into_iter().filter_map(pack).collect()))
        .collect()
});

fn charts_of(repository: &str) -> Vec<Vec<&'static ChartFile>> {
    let names: BTreeSet<&str> = FILES.iter().filter(|file| file.0 == repository).map(|file| file.1).collect();
    names
        .into_iter()
        .map(|name| FILES.iter().filter(|file| file.0 == repository && file.1 == name).collect())
        .collect()
}

/// The archive of a chart: the same bytes in every run.
fn pack(files: Vec<&'static ChartFile>) -> Option<Package> {
    let chart = files.iter().find(|file| file.2 == "Chart.yaml")?;
    let metadata: serde_json::Value = serde_saphyr::from_slice(chart.3).ok()?;
    let name = metadata["name"].as_str()?;
    let version = metadata["version"].as_str()?;
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::new(6)));
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(file.3.len()).ok()?);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        builder.append_data(&mut header, format!("{name}/{}", file.2), file.3).ok()?;
    }
    let archive = Bytes::from(builder.into_inner().ok()?.finish().ok()?);
    Some(Package {
        file_name: format!("{name}-{version}.tgz"),
        digest: hex::encode(Sha256::digest(&archive)),
        archive,
        metadata,
    })
}

/// Answers a request to the chart repository of a public host.
pub(crate) fn handle(host: &str, request: &Request) -> Response {
    let found = REPOSITORIES.iter().find_map(|(folder, known, prefix)| {
        let rest = request.path.strip_prefix(prefix)?;
        (*known == host).then_some((folder, rest))
    });
    let packages = found.and_then(|(folder, rest)| Some((PACKAGES.get(folder)?, rest)));
    match (&request.method, packages) {
        (&Method::GET | &Method::HEAD, Some((packages, "/index.yaml"))) => yaml(index(packages)),
        (&Method::GET | &Method::HEAD, Some((packages, path))) => {
            let package = packages.iter().find(|package| path.strip_prefix('/') == Some(&package.file_name));
            package.map_or_else(not_found, |package| {
                let kind = HeaderValue::from_static("application/gzip");
                Response::with_type(StatusCode::OK, kind, package.archive.clone())
            })
        }
        (_, None) => not_found(),
        (_, Some(_)) => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn not_found() -> Response {
    Response::text(StatusCode::NOT_FOUND, "404: Not Found")
}

fn yaml(text: String) -> Response {
    Response::with_type(StatusCode::OK, HeaderValue::from_static("text/yaml"), text.into_bytes().into())
}

/// The index: JSON, which is YAML too.
fn index(packages: &[Package]) -> String {
    let mut entries = serde_json::Map::new();
    for package in packages {
        let mut entry = package.metadata.clone();
        entry["urls"] = serde_json::json!([package.file_name]);
        entry["digest"] = serde_json::json!(package.digest);
        entry["created"] = serde_json::json!("2026-01-01T00:00:00Z");
        let name = package.metadata["name"].as_str().unwrap_or_default().to_owned();
        if let Some(versions) = entries.entry(name).or_insert_with(|| serde_json::json!([])).as_array_mut() {
            versions.push(entry);
        }
    }
    serde_json::json!({"apiVersion": "v1", "generated": "2026-01-01T00:00:00Z", "entries": entries})
        .to_string()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn get(host: &str, path: &str) -> Response {
        let request = Request {
            method: Method::GET,
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        handle(host, &request)
    }

    #[test]
    fn every_repository_has_its_charts_and_what_its_index_says() {
        let expected = [
            ("helm.elastic.co", "", "elasticsearch", "8.5.1"),
            ("helm.elastic.co", "", "kibana", "8.5.1"),
            ("helm.elastic.co", "", "filebeat", "8.5.1"),
            ("kubernetes.github.io", "/ingress-nginx", "ingress-nginx", "4.15.1"),
            ("prometheus-community.github.io", "/helm-charts", "kube-prometheus-stack", "88.5.3"),
            ("prometheus-community.github.io", "/helm-charts", "prometheus-pushgateway", "3.8.0"),
            ("charts.chaos-mesh.org", "", "chaos-mesh", "2.8.3"),
            ("spacemeshos.github.io", "/ws-helm-charts", "spacemesh-api", "1.0.9"),
            ("spacemeshos.github.io", "/ws-helm-charts", "spacemesh-explorer", "1.0.6"),
            ("spacemeshos.github.io", "/ws-helm-charts", "spacemesh-dash", "1.0.2"),
        ];
        for (host, prefix, chart, version) in expected {
            let index = get(host, &format!("{prefix}/index.yaml"));
            let index: serde_json::Value = serde_json::from_slice(&index.body).unwrap();
            let entry = &index["entries"][chart][0];
            assert_eq!(entry["version"], version, "{chart}");
            let archive = get(host, &format!("{prefix}/{}", entry["urls"][0].as_str().unwrap()));
            assert_eq!(archive.status, StatusCode::OK, "{chart}");
            assert_eq!(entry["digest"], hex::encode(Sha256::digest(&archive.body)), "{chart}");
        }
    }

    #[test]
    fn what_a_repository_does_not_have_is_not_found() {
        assert_eq!(get("helm.elastic.co", "/nothing-1.0.0.tgz").status, StatusCode::NOT_FOUND);
        assert_eq!(get("kubernetes.github.io", "/index.yaml").status, StatusCode::NOT_FOUND);
    }
}
