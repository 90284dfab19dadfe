//! `rewards` on both generations of a simulated network.

use serde_json::Value;

use super::Cloud;

/// Smidge of an amount in a document.
fn smidge(amount: &Value) -> u128 {
    amount["smidge"].as_str().unwrap().parse().unwrap()
}

fn create(cloud: &Cloud, generation: &str) {
    let (code, report) = cloud.json(&[
        "create-network",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "-m",
        "4",
        "--bootnode-amount",
        "2",
        "--logs",
        "none",
        "--generation",
        generation,
        "--genesis-delay",
        "1",
    ]);
    assert_eq!(code, 0, "{report}");
}

/// Lets the chain run for so long.
fn advance(cloud: &Cloud, seconds: &str) {
    let sandbox_dir = cloud.sandbox_dir();
    let configured =
        cloud.run(&["sandbox", "configure", "--sandbox-dir", &sandbox_dir, "--advance", seconds]);
    assert_eq!(configured.status.code(), Some(0), "{}", String::from_utf8_lossy(&configured.stderr));
}

fn rewards(cloud: &Cloud, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["rewards", "--provider", "sandbox", "-n", "net1"];
    arguments.extend(more);
    cloud.json(&arguments)
}

fn check_report(report: &Value, generation: &str) {
    assert_eq!(
        (&report["kind"], &report["generation"]),
        (&"RewardsReport".into(), &generation.into()),
        "{report}"
    );
    let summary = &report["summary"];
    assert_eq!(summary["consistency"]["verdict"], "consistent", "{summary}");
    assert_eq!(summary["managed_share"], "100.00", "{summary}");
    assert_eq!(smidge(&summary["total"]), smidge(&summary["subsidy"]) + smidge(&summary["fees"]));
    for table in ["coinbases", "smeshers", "epochs"] {
        let rows = report[table].as_array().unwrap();
        let sum: u128 = rows.iter().map(|row| smidge(&row["total"])).sum();
        assert_eq!(sum, smidge(&summary["total"]), "{table}");
    }
    let smeshers = report["smeshers"].as_array().unwrap();
    assert!(smeshers.len() == 4 && smeshers.iter().all(|row| row["managed"] == true), "{smeshers:?}");
    let coinbases = report["coinbases"].as_array().unwrap();
    assert_eq!(coinbases.len(), 4);
    for row in coinbases {
        assert_eq!((&row["managed"], &row["balance"]), (&true.into(), &row["total"]), "{row}");
        assert!(row["nodes"][0].as_str().unwrap().starts_with("miner-"));
    }
}

#[test]
fn what_a_network_pays_is_reported_in_both_generations_and_adds_up() {
    for generation in ["v0", "v1"] {
        let cloud = Cloud::new();
        create(&cloud, generation);
        let (code, early) = rewards(&cloud, &[]);
        assert_eq!(code, 2, "{early}");
        assert!(early["error"].as_str().unwrap().contains("nothing was paid yet"), "{early}");

        advance(&cloud, "12000");
        let (code, report) = rewards(&cloud, &[]);
        assert_eq!(code, 0, "{report}");
        check_report(&report, generation);

        let first = report["layer_span"]["first"].as_u64().unwrap();
        let (from, to) = (format!("{}", first + 1), format!("{}", first + 3));
        let (code, part) = rewards(&cloud, &["--from-layer", &from, "--to-layer", &to, "--by", "layer"]);
        assert_eq!((code, &part["layer_span"]["first"]), (0, &(first + 1).into()), "{part}");
        assert!(part["layers"].as_array().unwrap().len() <= 3);

        let (code, none) = rewards(&cloud, &["--from-layer", "4000000"]);
        assert_eq!(code, 2, "{none}");
        assert!(none["hint"].as_str().unwrap().contains("were paid so far"), "{none}");
    }
}

#[test]
fn rewards_are_told_as_table_as_csv_and_as_a_picture() {
    let cloud = Cloud::new();
    create(&cloud, "v1");
    advance(&cloud, "12000");
    let chart = cloud.home.path().join("rewards.svg").display().to_string();
    let sandbox_dir = cloud.sandbox_dir();
    let common = ["rewards", "--provider", "sandbox", "-n", "net1", "--sandbox-dir", &sandbox_dir];
    let table = cloud.run(&[&common[..], &["--by", "epoch", "--chart", &chart]].concat());
    let text = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.status.code(), Some(0), "{}", String::from_utf8_lossy(&table.stderr));
    assert!(text.starts_with("network        net1, generation v1"), "{text}");
    assert!(text.contains("subsidy        consistent:") && text.contains("MANAGED (SMH)"), "{text}");
    assert!(std::fs::read_to_string(&chart).unwrap().contains("Rewards per epoch of net1"));

    let csv = cloud.run(&[&common[..], &["--output", "csv"]].concat());
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.starts_with("coinbase,managed,nodes,count,") && csv.lines().count() == 5, "{csv}");
}

#[test]
fn a_host_that_cannot_be_or_does_not_answer_is_told() {
    let cloud = Cloud::new();
    let asked = |arguments: &[&str]| cloud.json(&[&["rewards"], arguments].concat());
    let (code, none) = asked(&[]);
    assert_eq!((code, &none["errors"][0]["key"]), (2, &"network-name".into()), "{none}");
    let (code, wrong) = asked(&["--host", "nowhere"]);
    assert_eq!((code, &wrong["errors"][0]["key"]), (2, &"host".into()), "{wrong}");
    let (code, backwards) = asked(&["--host", "127.0.0.1:1", "--from-layer", "9", "--to-layer", "3"]);
    assert_eq!((code, &backwards["errors"][0]["key"]), (2, &"to-layer".into()), "{backwards}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, unanswered) = asked(&["--host", &silent]);
    assert_eq!(code, 1, "{unanswered}");
    assert!(unanswered["error"].as_str().unwrap().contains(&silent), "{unanswered}");
    let (code, unknown) = asked(&["--provider", "sandbox", "-n", "nett"]);
    assert_eq!(code, 2, "{unknown}");
}

#[test]
fn a_network_that_is_made_after_simulated_time_was_moved_has_its_genesis_in_that_time() {
    let cloud = Cloud::new();
    advance(&cloud, "36000");
    let begun = jiff::Timestamp::now();
    create(&cloud, "v1");
    let (code, report) = cloud.json(&["hosts", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!(code, 0, "{report}");
    let (code, status) = cloud.json(&["status", "--provider", "sandbox", "-n", "net1"]);
    let genesis: jiff::Timestamp = status["genesis"]["time"].as_str().unwrap().parse().unwrap();
    assert!(genesis.duration_since(begun).as_hours() >= 10, "{code} {status}");
}
