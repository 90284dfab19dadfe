//! Networks whose record is in another place than the one where it was looked for.

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::traits::Cluster;
use crate::workload::{KUBERNETES_NETWORK_LABEL, RECORDED_IN_ANNOTATION, STATE_BUCKET_LABEL};

/// Refuses a network without a record in the store at `here` whose cluster tells that it is recorded elsewhere: there it may be in use.
pub(super) fn refuse_recorded_elsewhere(
    attempted: &str,
    network: &NetworkName,
    cluster: Option<&Cluster>,
    here: &str,
) -> Result<()> {
    match cluster.and_then(|cluster| Some((cluster, cluster.recorded_in.as_deref()?))) {
        Some((cluster, there)) if there != here => {
            let reason = format!("it is recorded in {there}, not in {here}");
            Err(Error::new(Meaning::Invalid, attempted, network.as_str(), reason).with_hint(format!(
                "name that place with --object-dir or --state-bucket; nothing was changed. If it is lost, take the note of it away: {}",
                removal_of_note(network, cluster)
            )))
        }
        _ => Ok(()),
    }
}

fn removal_of_note(network: &NetworkName, cluster: &Cluster) -> String {
    if cluster.labels.contains_key(STATE_BUCKET_LABEL) {
        format!(
            "gcloud container clusters update {} --location {} --remove-labels {STATE_BUCKET_LABEL}",
            cluster.name, cluster.location
        )
    } else {
        format!(
            "kubectl annotate namespaces -l {KUBERNETES_NETWORK_LABEL}={network} {RECORDED_IN_ANNOTATION}-"
        )
    }
}
