//! Preconditions of Cloud Storage requests.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{super::ApiError, object::Object};
use crate::wire::{Request, Response};

/// What must hold of the live object. Generation 0 stands for "no live object".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    generation_match: Option<i64>,
    generation_not_match: Option<i64>,
    metageneration_match: Option<i64>,
    metageneration_not_match: Option<i64>,
}

impl Conditions {
    /// Reads the conditions of a request's query.
    ///
    /// # Errors
    /// 400 when one is no number.
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let number = |name: &str| match request.query_value(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::invalid(format!("Invalid value for: {name}: {text}")).with_reason("invalid")
            }),
        };
        Ok(Self {
            generation_match: number("ifGenerationMatch")?,
            generation_not_match: number("ifGenerationNotMatch")?,
            metageneration_match: number("ifMetagenerationMatch")?,
            metageneration_not_match: number("ifMetagenerationNotMatch")?,
        })
    }

    /// Nothing when all conditions hold; the 304 response when a "not match" one does not.
    ///
    /// # Errors
    /// 412 when a "match" condition does not hold.
    pub(crate) fn check(&self, object: Option<&Object>) -> Result<Option<Response>, ApiError> {
        let generation = object.map_or(0, |object| object.generation);
        let metageneration = object.map_or(0, |object| object.metageneration);
        let differs = |wanted: Option<i64>, found: i64| wanted.is_some_and(|wanted| wanted != found);
        if differs(self.generation_match, generation) || differs(self.metageneration_match, metageneration) {
            return Err(condition_not_met());
        }
        let same = |unwanted: Option<i64>, found: i64| unwanted == Some(found);
        if same(self.generation_not_match, generation) || same(self.metageneration_not_match, metageneration)
        {
            return Ok(Some(Response::empty(StatusCode::NOT_MODIFIED)));
        }
        Ok(None)
    }
}

fn condition_not_met() -> ApiError {
    ApiError::failed_precondition("At least one of the pre-conditions you specified did not hold.")
        .with_code(412, "FAILED_PRECONDITION")
        .with_reason("conditionNotMet")
        .with_detail(json!(null))
}
