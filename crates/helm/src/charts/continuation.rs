//! Going on with what a client that died had rendered.
//!
//! Templates draw keys, certificates and passwords by lot. What was drawn may be in use already when the client dies, so that the one that comes after it does
//! not draw again, but applies what the record of the dead one has.

use serde_json::Value;
use spacecraft_core::Result;
use spacecraft_gotemplate::yaml;

use super::{Charts, ReleaseOptions};
use crate::chart::Chart;
use crate::cluster::Served;
use crate::manifest::split;
use crate::release::storage::Stored;
use crate::release::{HookRun, Info, Release};
use crate::render::ReleaseInfo;
use crate::values::{Values, as_kubernetes_json};

impl Charts {
    /// Renders for a cluster, or, where a revision was left pending that was made of the same chart and values and differs from what is rendered now by nothing
    /// but chance, answers that one's objects and hooks. Chance is where two renderings differ.
    pub(super) async fn render_or_go_on(
        &self,
        chart: Chart,
        values: &Values,
        info: ReleaseInfo,
        options: &ReleaseOptions,
        served: &Served,
        left: Option<&Stored>,
    ) -> Result<(Release, Vec<String>)> {
        let again = left.map(|left| (&left.release, chart.clone()));
        let (release, changes) = self.render_for(chart, values, info.clone(), options, served).await?;
        let Some((left, chart)) = again.filter(|(left, _)| are_of_one_source(left, &release)) else {
            return Ok((release, changes));
        };
        if texts(left).eq(texts(&release)) {
            return Ok((release, changes));
        }
        let (other, _) = self.render_for(chart, values, info, options, served).await?;
        if !differs_by_chance(left, &release, &other) {
            return Ok((release, changes));
        }
        tracing::info!(
            release = release.name,
            revision = left.version,
            "what was rendered before is gone on with"
        );
        Ok((drawn_as(left, release), changes))
    }
}

/// True when two releases are of the same chart and the same values, as records have them.
fn are_of_one_source(left: &Release, release: &Release) -> bool {
    let source = |release: &Release| {
        serde_json::to_value((&release.chart, &release.config)).map(as_kubernetes_json).ok()
    };
    source(left).is_some_and(|left| source(release) == Some(left))
}

/// The text of the objects, and those of the hooks.
fn texts(release: &Release) -> impl Iterator<Item = &str> {
    std::iter::once(release.manifest.as_str()).chain(release.hooks.iter().map(|hook| hook.manifest.as_str()))
}

/// A release with the objects and hooks of another. No hook of it has run.
fn drawn_as(left: &Release, release: Release) -> Release {
    let mut hooks = left.hooks.clone();
    hooks.iter_mut().for_each(|hook| hook.last_run = HookRun::default());
    let info = Info { notes: left.info.notes.clone(), ..release.info };
    Release { manifest: left.manifest.clone(), hooks, info, ..release }
}

/// True when a release could have been rendered where two others were: it has all that these two agree on.
fn differs_by_chance(left: &Release, one: &Release, other: &Release) -> bool {
    let all = [left, one, other].map(|release| texts(release).flat_map(split).collect::<Vec<_>>());
    let [left, one, other] = all;
    let documents = left.iter().zip(&one).zip(&other);
    left.len() == one.len()
        && one.len() == other.len()
        && documents.into_iter().all(|((left, one), other)| is_drawn_document(left, one, other))
}

fn is_drawn_document(left: &str, one: &str, other: &str) -> bool {
    if one == other || left == one {
        return left == one;
    }
    match (yaml::from_str(left), yaml::from_str(one), yaml::from_str(other)) {
        (Ok(left), Ok(one), Ok(other)) => is_drawn(&left, &one, &other),
        _ => false,
    }
}

fn is_drawn(left: &Value, one: &Value, other: &Value) -> bool {
    match (left, one, other) {
        _ if one == other => left == one,
        (Value::Object(left), Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            left.keys().eq(one.keys())
                && left
                    .values()
                    .zip(one.values())
                    .zip(other.values())
                    .all(|((left, one), other)| is_drawn(left, one, other))
        }
        (Value::Array(left), Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            left.len() == one.len()
                && left.iter().zip(one).zip(other).all(|((left, one), other)| is_drawn(left, one, other))
        }
        _ => std::mem::discriminant(left) == std::mem::discriminant(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(manifest: &str) -> Release {
        Release { manifest: manifest.to_owned(), ..Release::default() }
    }

    fn secret(password: &str, user: &str) -> Release {
        of(&format!(
            "---\n# Source: c/templates/a.yaml\nkind: Secret\ndata:\n  password: {password}\n  user: {user}\n"
        ))
    }

    #[test]
    fn what_two_renderings_agree_on_is_not_chance() {
        let (one, other) = (secret("aaa", "me"), secret("bbb", "me"));
        assert!(differs_by_chance(&secret("ccc", "me"), &one, &other));
        assert!(!differs_by_chance(&secret("ccc", "you"), &one, &other));
        assert!(!differs_by_chance(&secret("{c: d}", "me"), &one, &other));
        assert!(!differs_by_chance(&of(""), &one, &other));
        assert!(!differs_by_chance(&secret("ccc", "me"), &one, &one));
    }

    #[test]
    fn another_number_of_objects_is_not_chance() {
        let one = secret("aaa", "me");
        let two = of(&format!("{}---\nkind: ConfigMap\n", one.manifest));
        assert!(!differs_by_chance(&two, &one, &secret("bbb", "me")));
    }
}
