use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{BearerTokens, ObjectStore as _, Precondition, PutOptions};
use spacecraft_core::{Error, Meaning, Result, render_chain};
use url::Url;
use wiremock::matchers::{body_string_contains, header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockBuilder, ResponseTemplate};

use super::fixture::{Cloud, FixedToken, legacy_refusal};
use crate::{Bucket, BucketOptions, Endpoints};

const OBJECTS: &str = "/storage/v1/b/b/o";
const OBJECT: &str = "/storage/v1/b/b/o/net1%2Fa.json";
const UPLOAD: &str = "/upload/storage/v1/b/b/o";
const KEY: &str = "net1/a.json";

fn content(text: &str, generation: i64) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .insert_header("x-goog-generation", generation.to_string())
        .insert_header("x-goog-metageneration", "1")
        .insert_header("x-goog-stored-content-length", text.len().to_string())
        .insert_header("x-goog-storage-class", "STANDARD")
        .set_body_string(text)
}

fn stored(generation: i64) -> Value {
    json!({"kind": "storage#object", "name": KEY, "bucket": "b", "generation": generation.to_string(),
           "metageneration": "1", "size": "4"})
}

fn failed_precondition() -> Value {
    legacy_refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
}

fn reading() -> MockBuilder {
    Mock::given(method("GET")).and(path(OBJECT)).and(query_param("alt", "media"))
}

async fn put(cloud: &Cloud, precondition: Precondition) -> Result<i64> {
    let bucket = cloud.bucket().await;
    bucket.put(KEY, b"text".to_vec(), &PutOptions::json(precondition)).await
}

#[tokio::test]
async fn an_object_is_read_with_its_generation_and_our_token() {
    let cloud = Cloud::start().await;
    let authorized = reading().and(header("authorization", "Bearer word"));
    authorized.respond_with(content("text", 7)).mount(&cloud.server).await;
    let object = cloud.bucket().await.get(KEY).await.unwrap().unwrap();
    assert_eq!((object.bytes.as_slice(), object.generation), (b"text".as_slice(), 7));
}

#[tokio::test]
async fn an_object_that_is_not_there_is_none_and_a_missing_bucket_is_an_error() {
    let cloud = Cloud::start().await;
    let missing = ResponseTemplate::new(404).set_body_string("No such object: b/net1/a.json");
    reading().respond_with(missing).up_to_n_times(1).mount(&cloud.server).await;
    let no_bucket = legacy_refusal(404, "notFound", "The specified bucket does not exist.");
    cloud.answer("GET", OBJECT, 404, no_bucket).await;
    let bucket = cloud.bucket().await;
    assert_eq!(bucket.get(KEY).await.unwrap(), None);
    assert_eq!(bucket.get(KEY).await.unwrap_err().meaning(), Meaning::NotFound);
}

#[tokio::test]
async fn reading_is_repeated_after_passing_failures() {
    let cloud = Cloud::start().await;
    for status in [429, 503] {
        let failure =
            ResponseTemplate::new(status).set_body_json(legacy_refusal(status, "backendError", "no"));
        reading().respond_with(failure).up_to_n_times(1).mount(&cloud.server).await;
    }
    let short = content("te", 7).insert_header("x-goog-hash", "crc32c=AAAAAA==");
    reading().respond_with(short).up_to_n_times(1).mount(&cloud.server).await;
    reading().respond_with(content("text", 7)).mount(&cloud.server).await;
    assert_eq!(cloud.bucket().await.get(KEY).await.unwrap().unwrap().bytes, b"text");
}

#[tokio::test]
async fn refusals_of_reading_keep_their_meaning_and_words() {
    for (status, reason, expected) in [
        (401, "authError", Meaning::Denied),
        (403, "forbidden", Meaning::Denied),
        (400, "invalid", Meaning::Invalid),
        (500, "backendError", Meaning::Unavailable),
    ] {
        let cloud = Cloud::start().await;
        cloud.answer("GET", OBJECT, status, legacy_refusal(status, reason, "the server's words")).await;
        let error = cloud.bucket().await.get(KEY).await.unwrap_err();
        assert_eq!(error.meaning(), expected, "HTTP {status}");
        assert_eq!((error.operation(), error.resource()), ("read object", "gs://b/net1/a.json"));
        assert!(error.reason().contains("the server's words"), "{error}");
    }
}

#[tokio::test]
async fn a_write_carries_precondition_content_type_and_cache_control() {
    for (precondition, expected) in [(Precondition::Absent, "0"), (Precondition::Generation(7), "7")] {
        let cloud = Cloud::start().await;
        Mock::given(method("POST"))
            .and(path(UPLOAD))
            .and(query_param("name", KEY))
            .and(query_param("ifGenerationMatch", expected))
            .and(body_string_contains("\"cacheControl\":\"no-cache, max-age=0\""))
            .and(body_string_contains("\"contentType\":\"application/json\""))
            .and(body_string_contains("text"))
            .respond_with(ResponseTemplate::new(200).set_body_json(stored(8)))
            .mount(&cloud.server)
            .await;
        assert_eq!(put(&cloud, precondition).await.unwrap(), 8);
    }
    let cloud = Cloud::start().await;
    Mock::given(path(UPLOAD))
        .and(query_param_is_missing("ifGenerationMatch"))
        .respond_with(ResponseTemplate::new(200).set_body_json(stored(9)))
        .mount(&cloud.server)
        .await;
    assert_eq!(put(&cloud, Precondition::None).await.unwrap(), 9);
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_is_told_and_not_tried_again() {
    let cloud = Cloud::start().await;
    cloud.answer("POST", UPLOAD, 412, failed_precondition()).await;
    let error = put(&cloud, Precondition::Absent).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::PreconditionFailed);
    assert_eq!(cloud.count("POST", UPLOAD).await, 1);
}

#[tokio::test]
async fn a_write_whose_reply_was_lost_is_recognised_by_its_bytes() {
    for (there, succeeds) in [("text", true), ("theirs", false)] {
        let cloud = Cloud::start().await;
        cloud.answer_once("POST", UPLOAD, 503, legacy_refusal(503, "backendError", "later")).await;
        cloud.answer("POST", UPLOAD, 412, failed_precondition()).await;
        reading().respond_with(content(there, 8)).mount(&cloud.server).await;
        let written = put(&cloud, Precondition::Absent).await;
        match written {
            Ok(generation) => assert!(succeeds && generation == 8, "{there}"),
            Err(error) => assert!(!succeeds && error.meaning() == Meaning::PreconditionFailed, "{there}"),
        }
    }
}

#[tokio::test]
async fn the_reply_to_a_write_may_be_garbage() {
    let cloud = Cloud::start().await;
    let garbage = ResponseTemplate::new(200).set_body_string("<html>");
    Mock::given(path(UPLOAD)).respond_with(garbage).up_to_n_times(1).mount(&cloud.server).await;
    cloud.answer("POST", UPLOAD, 412, failed_precondition()).await;
    reading().respond_with(content("text", 8)).mount(&cloud.server).await;
    assert_eq!(put(&cloud, Precondition::Absent).await.unwrap(), 8);
}

#[tokio::test]
async fn deleting_tells_what_was_there() {
    let missing = || legacy_refusal(404, "notFound", "No such object: b/net1/a.json");
    let cloud = Cloud::start().await;
    let bucket = cloud.bucket().await;
    let conditional =
        Mock::given(method("DELETE")).and(path(OBJECT)).and(query_param("ifGenerationMatch", "7"));
    conditional.respond_with(ResponseTemplate::new(204)).up_to_n_times(1).mount(&cloud.server).await;
    assert_eq!(bucket.delete(KEY, Precondition::Generation(7)).await.unwrap(), Outcome::Removed);
    cloud.answer_once("DELETE", OBJECT, 404, missing()).await;
    assert_eq!(bucket.delete(KEY, Precondition::None).await.unwrap(), Outcome::Absent);
    cloud.answer_once("DELETE", OBJECT, 412, failed_precondition()).await;
    let error = bucket.delete(KEY, Precondition::Generation(6)).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::PreconditionFailed);
    cloud.answer_once("DELETE", OBJECT, 200, json!({"by": "somebody else"})).await;
    cloud.answer_once("DELETE", OBJECT, 503, legacy_refusal(503, "backendError", "later")).await;
    cloud.answer_once("DELETE", OBJECT, 404, missing()).await;
    assert_eq!(bucket.delete(KEY, Precondition::None).await.unwrap(), Outcome::Removed);
    cloud
        .answer(
            "DELETE",
            OBJECT,
            404,
            legacy_refusal(404, "notFound", "The specified bucket does not exist."),
        )
        .await;
    assert!(bucket.delete(KEY, Precondition::None).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page_and_sorted() {
    let cloud = Cloud::start().await;
    let page = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let list = || Mock::given(method("GET")).and(path(OBJECTS)).and(query_param("prefix", "net1/"));
    let first = json!({"items": [{"name": "net1/b", "generation": "2"}], "nextPageToken": "more"});
    let second = json!({"items": [{"name": "net1/a", "generation": "1"}]});
    list().and(query_param_is_missing("pageToken")).respond_with(page(first)).mount(&cloud.server).await;
    list().and(query_param("pageToken", "more")).respond_with(page(second)).mount(&cloud.server).await;
    let found = cloud.bucket().await.list("net1/").await.unwrap();
    assert_eq!(found, [("net1/a".to_owned(), 1), ("net1/b".to_owned(), 2)]);
}

#[tokio::test]
async fn an_empty_list_has_no_items() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", OBJECTS, 200, json!({"kind": "storage#objects"})).await;
    assert_eq!(cloud.bucket().await.list("").await.unwrap(), []);
}

#[tokio::test]
async fn a_bucket_is_public_when_its_policy_names_everybody() {
    let policy =
        |member: &str| json!({"bindings": [{"role": "roles/storage.objectViewer", "members": [member]}]});
    for (member, prevention, expected) in [
        ("allUsers", "inherited", true),
        ("allAuthenticatedUsers", "inherited", true),
        ("user:me@example.com", "inherited", false),
        ("allUsers", "enforced", false),
    ] {
        let cloud = Cloud::start().await;
        let bucket = json!({"iamConfiguration": {"publicAccessPrevention": prevention}});
        cloud.answer("GET", "/storage/v1/b/b", 200, bucket).await;
        cloud.answer("GET", "/storage/v1/b/b/iam", 200, policy(member)).await;
        assert_eq!(cloud.bucket().await.is_public().await.unwrap(), expected, "{member} {prevention}");
    }
}

#[tokio::test]
async fn a_bucket_is_public_when_new_objects_are() {
    let cloud = Cloud::start().await;
    let bucket = json!({"defaultObjectAcl": [{"entity": "allUsers", "role": "READER"}]});
    cloud.answer("GET", "/storage/v1/b/b", 200, bucket).await;
    assert!(cloud.bucket().await.is_public().await.unwrap());
}

#[tokio::test]
async fn a_policy_that_we_may_not_see_is_an_error() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", "/storage/v1/b/b", 200, json!({})).await;
    cloud.answer("GET", "/storage/v1/b/b/iam", 403, legacy_refusal(403, "forbidden", "no")).await;
    assert_eq!(cloud.bucket().await.is_public().await.unwrap_err().meaning(), Meaning::Denied);
}

#[tokio::test]
async fn access_is_checked_without_a_write() {
    let at = "/storage/v1/b/b/iam/testPermissions";
    let cloud = Cloud::start().await;
    let all =
        ["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"];
    cloud.answer_once("GET", at, 200, json!({ "permissions": all })).await;
    let bucket = cloud.bucket().await;
    bucket.check_access().await.unwrap();
    cloud.answer_once("GET", at, 200, json!({"permissions": ["storage.objects.get"]})).await;
    let error = bucket.check_access().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(error.reason().contains("storage.objects.create, storage.objects.delete"), "{error}");
    cloud
        .answer("GET", at, 404, legacy_refusal(404, "notFound", "The specified bucket does not exist."))
        .await;
    let error = bucket.check_access().await.unwrap_err();
    assert!(error.is_not_found() && error.hint().unwrap().contains("gcloud storage buckets create gs://b"));
}

/// Has no tokens to give.
#[derive(Debug)]
struct NoTokens;

#[async_trait]
impl BearerTokens for NoTokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        Err(Error::new(Meaning::Denied, "get Google Cloud credentials", "", "the token service refused"))
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_reason_is_told() {
    let cloud = Cloud::start().await;
    let client = spacecraft_http::Client::new(spacecraft_http::ClientOptions::default()).unwrap();
    let endpoint = Url::parse(&cloud.server.uri()).unwrap();
    let options = BucketOptions { name: "b".to_owned(), client, tokens: Arc::new(NoTokens), endpoint };
    let bucket = Bucket::new(options).await.unwrap();
    for error in [bucket.get(KEY).await.map(|_| ()), bucket.list("").await.map(|_| ())] {
        let error = error.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Denied);
        let chain = render_chain(&error);
        assert!(
            chain.ends_with(
                ": there is no access token to ask with\n  caused by: get Google Cloud credentials: the token service refused"
            ),
            "{chain}"
        );
    }
    assert!(cloud.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn keys_that_lead_elsewhere_are_refused_before_anything_is_sent() {
    let cloud = Cloud::start().await;
    let bucket = cloud.bucket().await;
    for key in ["", "/a", "a//b", "../a", "a/.."] {
        assert_eq!(bucket.get(key).await.unwrap_err().meaning(), Meaning::Invalid, "{key:?}");
    }
    assert!(cloud.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bucket_of_googles_own_service_can_be_named_and_linked_to() {
    let client = spacecraft_http::Client::new(spacecraft_http::ClientOptions::default()).unwrap();
    let endpoint = Endpoints::google().unwrap().storage;
    let tokens = Arc::new(FixedToken);
    let options = BucketOptions { name: "spacecraft-data".to_owned(), client, tokens, endpoint };
    let bucket = Bucket::new(options).await.unwrap();
    assert_eq!(bucket.location(), "gs://spacecraft-data");
    assert_eq!(
        bucket.url("net 1-archive/config.json"),
        "https://storage.googleapis.com/spacecraft-data/net%201-archive/config.json"
    );
    assert!(!format!("{bucket:?}").contains("word"));
}
