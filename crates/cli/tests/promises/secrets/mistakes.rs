//! Secrets given in a wrong way are told without what they hold.

use std::fs;
use std::process::{Command, Output};

use super::random_token;
use crate::cloud::Cloud;

/// Every place from which a secret could be read wrongly, each with a content around the secret.
const FILES: [(&str, &str, &str); 11] = [
    ("plan", "SPACECRAFT_CONFIG", "slack-token: {secret}\nno-such-setting: 1\n"),
    ("plan", "SPACECRAFT_CONFIG", "slack-token: [{secret}\n"),
    ("plan", "SPACECRAFT_CONFIG", "{\"slack-token\": \"{secret}"),
    ("create-network", "SPACECRAFT_SLACK_TOKEN_FILE", "{secret}\nand more\n"),
    ("create-network", "SPACECRAFT_CLOUDFLARE_API_TOKEN_FILE", "\u{1b}{secret}"),
    ("deploy-ws", "SPACECRAFT_TLS_KEY", "-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
    ("deploy-ws", "SPACECRAFT_TLS_CRT", "-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
    ("plan", "SPACECRAFT_CONFIG", "charts: {elasticsearch: {vallues: {password: {secret}}}}"),
    ("list", "GOOGLE_APPLICATION_CREDENTIALS", "{\"type\": \"service_account\", \"private_key\": \"{secret}"),
    (
        "list",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "{\"type\":\"service_account\",\"client_email\":\"a@b.example\",\"token_uri\":\"http://127.0.0.1:1/\",\
         \"private_key\":\"-----BEGIN PRIVATE KEY-----\\n{secret}\\n-----END PRIVATE KEY-----\\n\"}",
    ),
    ("list", "KUBECONFIG", "users:\n- name: a\n  user: {token: {secret}\n"),
];
/// A kubeconfig of a cluster that does not answer, whose user's credentials are what is said.
const KUBECONFIG: &str = r#"{"apiVersion":"v1","kind":"Config","current-context":"c",
    "contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],
    "clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],
    "users":[{"name":"u","user":{"CREDENTIAL":"SECRET"}}]}"#;

fn assert_silent(what: &str, secret: &str, output: &Output) {
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(!said.is_empty() && !said.contains("panicked"), "{what}: {said}");
    for part in [&secret[..16], &secret[secret.len() - 16..]] {
        assert!(!said.contains(part), "{what} tells {part}: {said}");
    }
}

fn verbose(mut command: Command) -> Output {
    command.args(["-n", "net1", "-vvv", "--timeout", "2s"]).output().unwrap()
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let cloud = Cloud::new();
    for (command, setting) in [
        ("plan", "slack-token"),
        ("create-network", "slackToken"),
        ("create-network", "cloudflare-api-token"),
        ("release-network", "github-token"),
        ("deploy-ws", "tls-key"),
    ] {
        for format in ["text", "json"] {
            for separator in ["=", " "] {
                let secret = random_token();
                let line = format!("{command} --{setting}{separator}{secret} --output {format}");
                let output = cloud.bare_command(&line).output().unwrap();
                if setting != "tls-key" {
                    assert_silent(&line.replace(&secret, "..."), &secret, &output);
                }
            }
        }
    }
}

#[test]
fn a_file_or_variable_that_is_wrong_is_told_without_what_it_holds() {
    let cloud = Cloud::new();
    for (command, variable, content) in FILES {
        let secret = random_token();
        let file = cloud.home().join("wrong");
        let content = content.replace("{secret}", &secret);
        fs::write(&file, &content).unwrap();
        for (given, way) in [(file.to_str().unwrap(), "as a file"), (content.as_str(), "as it is")] {
            let mut run = cloud.bare_command(command);
            run.env(variable, given);
            if variable == "KUBECONFIG" {
                run.args(["--provider", "kubernetes", "--kubeconfig", given]);
            }
            if way == "as a file" || variable.starts_with("SPACECRAFT_TLS") {
                assert_silent(&format!("{command} with {variable} {way}"), &secret, &verbose(run));
            }
        }
    }
}

#[test]
fn credentials_of_a_kubeconfig_are_in_no_message() {
    let cloud = Cloud::new();
    for credential in ["token", "password", "client-key-data", "client-certificate-data"] {
        let secret = random_token();
        let file = cloud.home().join("kubeconfig");
        fs::write(&file, KUBECONFIG.replace("CREDENTIAL", credential).replace("SECRET", &secret)).unwrap();
        for command in ["create-network --logs none", "list", "status"] {
            let mut run = cloud.bare_command(command);
            run.args(["--provider", "kubernetes", "--kubeconfig"]).arg(&file);
            run.arg("--object-dir").arg(cloud.home().join("objects"));
            assert_silent(&format!("{command} with a {credential}"), &secret, &verbose(run));
        }
    }
}

#[test]
fn a_password_within_a_url_is_in_no_message() {
    let cloud = Cloud::new();
    let secret = random_token();
    let url = format!("http://user:{secret}@127.0.0.1:1/");
    let mut proxied = cloud.bare_command("chart template x prometheus --repo https://charts.example");
    proxied.env("HTTPS_PROXY", &url);
    assert_silent("a proxy", &secret, &proxied.args(["-vvv"]).output().unwrap());
    let mut repository = cloud.bare_command("chart template x prometheus");
    repository.args(["-vvv", "--repo", &url]);
    assert_silent("a chart repository", &secret, &repository.output().unwrap());
    let config = cloud.home().join("config.yaml");
    fs::write(&config, format!("charts: {{elasticsearch: {{repo: '{url}'}}}}")).unwrap();
    let mut create = cloud.command("create-network -m 3 --bootnode-amount 1 -n net1 -vvv");
    create.arg("--config").arg(&config);
    assert_silent("a chart repository of a network", &secret, &create.output().unwrap());
    assert!(!cloud.contents().to_string().contains(&secret), "the record or another object tells it");
}
