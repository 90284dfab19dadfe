//! Records on a simulated zone.

#![allow(clippy::unwrap_used)]

mod zone;

use std::sync::Arc;

use spacecraft_cloudflare::{Cloudflare, CloudflareOptions};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{DnsProvider, DnsRecord, Look};
use spacecraft_http::{Client, ClientOptions, Url};
use spacecraft_testkit::TestClock;
use spacecraft_testkit::conformance::network;
use wiremock::{MockServer, ResponseTemplate};

use crate::zone::{DOMAIN, Misbehaviour, SimulatedZone, TOKEN, failure};

mod conformance {
    use spacecraft_testkit::conformance::Subject;

    use crate::{SimulatedZone, TOKEN, connect};

    spacecraft_testkit::dns_provider_conformance!(async {
        let server = SimulatedZone::default().serve().await;
        Subject::new(connect(&server, TOKEN).0).keeping(server)
    });
}

fn connect(server: &MockServer, token: &str) -> (Cloudflare, TestClock) {
    let clock = TestClock::default();
    let options = ClientOptions { clock: Arc::new(clock.clone()), ..ClientOptions::default() };
    let api = Url::parse(&format!("{}/client/v4", server.uri())).unwrap();
    let token = SecretString::from(token);
    let options_of_zone = CloudflareOptions { api, domain: DOMAIN.to_owned(), token };
    (Cloudflare::new(Client::new(options).unwrap(), options_of_zone), clock)
}

fn record() -> DnsRecord {
    DnsRecord {
        name: format!("kibana-net1.{DOMAIN}"),
        address: "203.0.113.7".to_owned(),
        proxied: true,
        network: network("net1"),
    }
}

const OURS: Option<&str> = Some("spacecraft:net1");

async fn refused(how: ResponseTemplate) -> spacecraft_core::Error {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    zone.misbehave("POST", Misbehaviour::Answer(how));
    connect(&server, TOKEN).0.ensure(&record()).await.unwrap_err()
}

#[tokio::test]
async fn a_new_record_carries_our_mark_and_automatic_lifetime() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    connect(&server, TOKEN).0.ensure(&record()).await.unwrap();
    let records = zone.records();
    let [created] = records.as_slice() else { panic!("not one record: {records:?}") };
    assert_eq!((&created["comment"], &created["ttl"]), (&"spacecraft:net1".into(), &1.into()));
    assert_eq!((&created["type"], &created["proxied"]), (&"A".into(), &true.into()));
}

#[tokio::test]
async fn a_foreign_record_is_refused_with_what_to_do_and_stays() {
    for (kind, content, comment) in [
        ("A", "203.0.113.7", None),
        ("A", "198.51.100.1", Some("by hand")),
        ("CNAME", "elsewhere.example.org", None),
        ("A", "203.0.113.7", Some("spacecraft:net10")),
    ] {
        let zone = SimulatedZone::default();
        zone.add(kind, &record().name, content, comment);
        let before = zone.records();
        let server = zone.serve().await;
        let (cloudflare, _) = connect(&server, TOKEN);
        let error = cloudflare.ensure(&record()).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::AlreadyExists);
        assert!(error.hint().is_some_and(|hint| hint.contains("spacecraft:net1")));
        assert_eq!(cloudflare.remove(&record().name, &record().network).await.unwrap(), Outcome::Absent);
        assert_eq!(zone.records(), before);
    }
}

#[tokio::test]
async fn of_several_records_of_ours_one_is_left() {
    let zone = SimulatedZone::default();
    for address in ["198.51.100.1", "203.0.113.7", "198.51.100.2"] {
        zone.add("A", &record().name, address, OURS);
    }
    let server = zone.serve().await;
    let (cloudflare, _) = connect(&server, TOKEN);
    assert!(matches!(cloudflare.look(&record()).await.unwrap(), Look::Differs(points) if points.len() == 3));
    assert_eq!(cloudflare.ensure(&record()).await.unwrap(), Outcome::Updated);
    assert_eq!(cloudflare.list(None).await.unwrap(), [record()]);
}

#[tokio::test]
async fn all_records_of_a_network_under_the_name_are_removed() {
    let zone = SimulatedZone::default();
    zone.add("A", &record().name, "198.51.100.1", OURS);
    zone.add("A", &record().name, "198.51.100.2", OURS);
    zone.add("TXT", &record().name, "kept", None);
    let server = zone.serve().await;
    let outcome = connect(&server, TOKEN).0.remove(&record().name, &network("net1")).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    assert_eq!(zone.records().len(), 1);
}

#[tokio::test]
async fn a_list_goes_over_all_pages() {
    let zone = SimulatedZone::default();
    for number in 0..250 {
        zone.add("A", &format!("host-{number}.{DOMAIN}"), "203.0.113.7", OURS);
    }
    zone.add("A", &format!("www.{DOMAIN}"), "203.0.113.7", None);
    let server = zone.serve().await;
    assert_eq!(connect(&server, TOKEN).0.list(Some(&network("net1"))).await.unwrap().len(), 250);
}

#[tokio::test]
async fn a_creation_whose_reply_was_lost_is_found_and_not_repeated() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    zone.misbehave("POST", Misbehaviour::LostReply);
    assert_eq!(connect(&server, TOKEN).0.ensure(&record()).await.unwrap(), Outcome::Created);
    assert_eq!((zone.records().len(), zone.count("POST")), (1, 1));
}

#[tokio::test]
async fn a_creation_that_failed_without_effect_is_repeated_after_a_look() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    zone.misbehave("POST", Misbehaviour::Answer(ResponseTemplate::new(503)));
    assert_eq!(connect(&server, TOKEN).0.ensure(&record()).await.unwrap(), Outcome::Created);
    assert_eq!((zone.records().len(), zone.count("POST")), (1, 2));
}

#[tokio::test]
async fn creations_that_keep_failing_end() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    for _ in 0..10 {
        zone.misbehave("POST", Misbehaviour::Answer(ResponseTemplate::new(500)));
    }
    let error = connect(&server, TOKEN).0.ensure(&record()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert_eq!(zone.count("POST"), 3);
}

#[tokio::test]
async fn an_identical_record_that_appears_meanwhile_counts_as_ours_if_it_is() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    let (cloudflare, _) = connect(&server, TOKEN);
    zone.misbehave("POST", Misbehaviour::LostReply);
    zone.misbehave("GET", Misbehaviour::Answer(ResponseTemplate::new(503)));
    assert_eq!(cloudflare.ensure(&record()).await.unwrap(), Outcome::Created);
    assert_eq!(zone.records().len(), 1);
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    for (status, code, meaning) in [
        (400, 81_045, Meaning::Quota),
        (403, 10_000, Meaning::Denied),
        (400, 1_000, Meaning::Denied),
        (400, 9_005, Meaning::Invalid),
    ] {
        let error = refused(failure(status, code, "said the server")).await;
        assert_eq!(error.meaning(), meaning, "code {code}");
        assert_eq!((error.operation(), error.resource()), ("create DNS record", record().name.as_str()));
        assert!(error.reason().contains("said the server") && error.reason().contains(&code.to_string()));
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_asked() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    let limited = failure(429, 10_429, "too many").insert_header("retry-after", "17");
    zone.misbehave("POST", Misbehaviour::Answer(limited));
    let (cloudflare, clock) = connect(&server, TOKEN);
    cloudflare.ensure(&record()).await.unwrap();
    assert!(clock.slept().iter().any(|pause| pause.as_secs() == 17), "{:?}", clock.slept());
    assert_eq!(zone.count("POST"), 2);
}

#[tokio::test]
async fn a_token_that_is_wrong_is_denied_and_never_shown() {
    let server = SimulatedZone::default().serve().await;
    let (cloudflare, _) = connect(&server, "wrong-token-of-the-test");
    let error = cloudflare.check_access().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(!format!("{error:?} {cloudflare:?}").contains("wrong-token-of-the-test"));
}

#[tokio::test]
async fn a_token_that_may_only_read_is_denied_before_anything_is_written() {
    let zone = SimulatedZone::default();
    zone.permit(vec!["#zone:read", "#dns_records:read"]);
    let server = zone.serve().await;
    assert_eq!(connect(&server, TOKEN).0.check_access().await.unwrap_err().meaning(), Meaning::Denied);
}

#[tokio::test]
async fn a_zone_that_the_token_does_not_see_is_not_found() {
    let server = SimulatedZone::default().serve().await;
    let options = CloudflareOptions {
        api: Url::parse(&format!("{}/client/v4/", server.uri())).unwrap(),
        domain: "example.net".to_owned(),
        token: SecretString::from(TOKEN),
    };
    let cloudflare = Cloudflare::new(Client::new(ClientOptions::default()).unwrap(), options);
    let error = cloudflare.check_access().await.unwrap_err();
    assert_eq!((error.meaning(), error.resource()), (Meaning::NotFound, "example.net"));
}

#[tokio::test]
async fn wrong_names_and_addresses_are_refused_without_a_call() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    let (cloudflare, _) = connect(&server, TOKEN);
    for (name, address) in [
        ("kibana.example.net", "203.0.113.7"),
        ("kibanaexample.org", "203.0.113.7"),
        ("kibana.example.org", "2001:db8::1"),
        ("kibana.example.org", ""),
    ] {
        let wrong = DnsRecord { name: name.to_owned(), address: address.to_owned(), ..record() };
        assert_eq!(
            cloudflare.ensure(&wrong).await.unwrap_err().meaning(),
            Meaning::Invalid,
            "{name} {address}"
        );
    }
    assert_eq!(zone.count(""), 0);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_invalid() {
    let zone = SimulatedZone::default();
    let server = zone.serve().await;
    zone.misbehave("GET", Misbehaviour::Answer(ResponseTemplate::new(200).set_body_string("hello")));
    let error = connect(&server, TOKEN).0.list(None).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}
