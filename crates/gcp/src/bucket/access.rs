//! Who can do what with a bucket.

use std::collections::BTreeSet;

use serde::Deserialize;
use spacecraft_core::traits::ObjectStore as _;
use spacecraft_core::{Error, Meaning, Result};

use super::Bucket;
use crate::api::fetch;

/// What an object store takes.
const PERMISSIONS: [&str; 4] =
    ["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"];
/// The members of a policy, and the entities of an access control list, that stand for everybody.
const EVERYBODY: [&str; 2] = ["allUsers", "allAuthenticatedUsers"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Policy {
    bindings: Vec<Binding>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Binding {
    members: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BucketBody {
    iam_configuration: IamConfiguration,
    acl: Vec<AccessControl>,
    default_object_acl: Vec<AccessControl>,
}

/// An entry of the access control lists that buckets without uniform access have beside their policy.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccessControl {
    entity: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct IamConfiguration {
    public_access_prevention: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeldPermissions {
    permissions: BTreeSet<String>,
}

impl Policy {
    /// True when the policy gives anything at all to everybody: a role that only lists objects would show their names already.
    fn is_public(&self) -> bool {
        let members = self.bindings.iter().flat_map(|binding| &binding.members);
        members.into_iter().any(|member| EVERYBODY.contains(&member.as_str()))
    }
}

impl BucketBody {
    /// True when an access control list names everybody.
    fn is_listed_public(&self) -> bool {
        let entries = self.acl.iter().chain(&self.default_object_acl);
        entries.into_iter().any(|entry| EVERYBODY.contains(&entry.entity.as_str()))
    }
}

/// True when it is the bucket that does not exist, not an object in it.
pub(super) fn is_missing_bucket(error: &Error) -> bool {
    error.is_not_found() && error.reason().contains("bucket does not exist")
}

impl Bucket {
    pub(super) async fn can_be_read_by_everybody(&self) -> Result<bool> {
        let doing = "find out who can read bucket";
        let request = self.get_request(&[], doing, "").query("projection", "full");
        let bucket: BucketBody = fetch(request, "a bucket").await?;
        if bucket.iam_configuration.public_access_prevention == "enforced" {
            return Ok(false);
        }
        if bucket.is_listed_public() {
            return Ok(true);
        }
        let policy: Policy = fetch(self.get_request(&["iam"], doing, ""), "the policy of a bucket").await?;
        Ok(policy.is_public())
    }

    pub(super) async fn check_permissions(&self) -> Result<()> {
        let doing = "check access to bucket";
        let mut request = self.get_request(&["iam", "testPermissions"], doing, "");
        for permission in PERMISSIONS {
            request = request.query("permissions", permission);
        }
        let held: HeldPermissions =
            fetch(request, "a set of permissions").await.map_err(|error| self.with_advice(error))?;
        let missing: Vec<&str> =
            PERMISSIONS.into_iter().filter(|permission| !held.permissions.contains(*permission)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let reason = format!("these permissions are missing: {}", missing.join(", "));
        Err(Error::new(Meaning::Denied, doing, self.location(), reason)
            .with_hint("the role Storage Object Admin on the bucket has them"))
    }

    fn with_advice(&self, error: Error) -> Error {
        if error.is_not_found() {
            let hint = format!(
                "create the bucket: gcloud storage buckets create {} --uniform-bucket-level-access",
                self.location()
            );
            return error.with_hint(hint);
        }
        error
    }
}
