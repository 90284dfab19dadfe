//! `create-network --rollback`: takes away again what a create that did not finish has made, and what earlier ones of the same network left.

use std::sync::Arc;

use super::delete::{DeleteRequest, Extent, check_unfinished, remove_network};
use super::{OperationFailure, Services};
use crate::report::DeletionReport;
use crate::state::RecordStore;

/// Removes what unfinished creates of a network made. A cluster that was there before them stays, and so does every bucket.
///
/// # Errors
///
/// [`OperationFailure`]; [`Meaning::Invalid`](crate::Meaning::Invalid) before anything is changed when the network was up once.
pub async fn roll_back(
    services: &Services,
    request: DeleteRequest,
) -> Result<DeletionReport, OperationFailure> {
    let known = RecordStore::new(Arc::clone(&services.state_store), &request.network).read().await?;
    check_unfinished(known.as_ref())?;
    let made_cluster = known.is_some_and(|known| known.made_cluster);
    remove_network(services, &request, "rollback", Extent::Unfinished { made_cluster }).await
}

/// Finishes the rollback of a network, if one was begun and came to no end, so that the network can be created anew. Answers none when there is nothing to
/// finish.
///
/// # Errors
///
/// [`OperationFailure`]; running it again goes on.
pub async fn finish_roll_back(
    services: &Services,
    request: DeleteRequest,
) -> Result<Option<DeletionReport>, OperationFailure> {
    let known = RecordStore::new(Arc::clone(&services.state_store), &request.network).read().await?;
    match known {
        Some(known) if known.taken_back => roll_back(services, request).await.map(Some),
        _ => Ok(None),
    }
}
