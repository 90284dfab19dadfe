//! How long a chart of 500 templates takes to render: Deployments, Services, ConfigMaps and Ingresses over shared helpers.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use spacecraft_helm::capabilities::Capabilities;
use spacecraft_helm::chart::{Chart, File, Metadata};
use spacecraft_helm::engine::{Compiled, ReleaseContext, RenderContext, Seed};
use spacecraft_helm::keys::NewRsaKeys;

const HELPERS: &str = r#"{{- define "wide.name" -}}
{{ printf "%s-%s-%v" .root.Release.Name .root.Chart.Name .index | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "wide.labels" -}}
app.kubernetes.io/name: {{ include "wide.name" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- range $k, $v := .root.Values.annotations }}
example.org/{{ $k }}: {{ $v | quote }}
{{- end }}
{{- end }}
"#;

const METADATA: &str = r#"metadata:
  name: {{ include "wide.name" $ctx }}
  labels:
    {{- include "wide.labels" $ctx | nindent 4 }}
"#;

const DEPLOYMENT: &str = r#"spec:
  replicas: {{ .Values.replicas | default 1 | int }}
  selector:
    matchLabels:
      {{- include "wide.labels" $ctx | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "wide.labels" $ctx | nindent 8 }}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env:
            {{- range $k, $v := .Values.env }}
            - name: {{ $k }}
              value: {{ $v | toString | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
"#;

const SERVICE: &str = r#"spec:
  selector:
    {{- include "wide.labels" $ctx | nindent 4 }}
  ports:
    {{- range $i, $p := until 4 }}
    - name: p{{ $i }}
      port: {{ add 8000 $p }}
    {{- end }}
"#;

const CONFIG_MAP: &str = r"data:
  settings.json: |
    {{- .Values.env | toPrettyJson | nindent 4 }}
  sum: {{ .Values | toYaml | sha256sum }}
";

const INGRESS: &str = r#"spec:
  rules:
    {{- range .Values.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "wide.name" $ctx }}
                port:
                  number: 8000
    {{- end }}
"#;

fn template(index: usize) -> String {
    let head = format!("{{{{- $ctx := dict \"root\" $ \"index\" {index} -}}}}\n");
    let kind =
        |api_version: &str, kind: &str| format!("{head}apiVersion: {api_version}\nkind: {kind}\n{METADATA}");
    match index % 4 {
        0 => kind("apps/v1", "Deployment") + DEPLOYMENT,
        1 => kind("v1", "Service") + SERVICE,
        2 => kind("v1", "ConfigMap") + CONFIG_MAP,
        _ => {
            let ingress = format!("apiVersion: networking.k8s.io/v1\nkind: Ingress\n{METADATA}{INGRESS}");
            format!("{head}{{{{- if .Values.hosts }}}}\n{ingress}{{{{- end }}}}\n")
        }
    }
}

fn chart() -> Chart {
    let mut templates = vec![File {
        name: "templates/_helpers.tpl".to_owned(),
        data: Bytes::from_static(HELPERS.as_bytes()),
    }];
    templates.extend((0..500).map(|index| File {
        name: format!("templates/t{index:03}.yaml"),
        data: Bytes::from(template(index)),
    }));
    let metadata = Metadata {
        name: "wide".to_owned(),
        version: "1.0.0".to_owned(),
        app_version: "2.0".to_owned(),
        ..Metadata::default()
    };
    Chart { metadata, templates, ..Chart::default() }
}

fn values() -> Value {
    json!({
        "image": {"repository": "example/app", "tag": ""},
        "replicas": 3.0,
        "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
        "env": {"LOG_LEVEL": "info", "REGION": "us-central1", "FEATURE_A": true, "FEATURE_B": false, "LIMIT": 100_000.0},
        "hosts": ["a.example.org", "b.example.org", "c.example.org"],
        "annotations": {"team": "core", "tier": "web"},
        "extra": [],
    })
}

fn context() -> RenderContext {
    RenderContext {
        release: ReleaseContext {
            name: "rel".to_owned(),
            namespace: "ns1".to_owned(),
            revision: 1,
            is_upgrade: false,
        },
        capabilities: Capabilities::default(),
        lookup: None,
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: jiff::tz::TimeZone::UTC,
        seed: Seed::new([7; 32]),
        keys: Arc::new(NewRsaKeys),
    }
}

fn rendering(criterion: &mut Criterion) {
    let (chart, values, context) = (chart(), values(), context());
    let compiled = Compiled::new(&chart);
    criterion.bench_function("parse 500 templates", |bencher| {
        bencher.iter(|| Compiled::new(black_box(&chart)));
    });
    criterion.bench_function("render 500 parsed templates", |bencher| {
        bencher.iter(|| compiled.as_ref().map(|compiled| compiled.render(black_box(&values), &context)));
    });
    criterion.bench_function("parse and render 500 templates", |bencher| {
        bencher.iter(|| Compiled::new(black_box(&chart)).map(|compiled| compiled.render(&values, &context)));
    });
}

criterion_group!(benches, rendering);
criterion_main!(benches);
