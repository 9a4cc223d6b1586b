//! The OpenAPI document says what the server does: `schemathesis` makes requests of it, good ones and bad, and holds every
//! answer against it. And a person can read it in a browser.

use crate::postgres::on_postgres;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use stories::installation::target;
use stories::{Installation, Server, repository, server, story};
use tokio::time::timeout;

/// A run takes half a minute on a slow machine.
const LIMIT: Duration = Duration::from_secs(5 * 60);
/// What an answer is asked: no 5xx, and no status, media type or body that the document does not have.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// What ends something that the other operations need comes last.
const ENDINGS: &str = "^(deleteSite|removeDomain|revokeToken|rotateToken|deleteRecord|unpublishModule)$";

#[tokio::test]
async fn no_answer_is_outside_the_document_on_sqlite() -> Result<()> {
    let installation = Installation::new()?;
    conform(&quiet(installation)).await
}

#[tokio::test]
async fn no_answer_is_outside_the_document_on_postgres() -> Result<()> {
    on_postgres(Installation::new()?, async |installation| conform(&quiet(installation)).await).await
}

/// An installation whose limits are not what is asked about.
fn quiet(installation: Installation) -> Installation {
    installation.with("EMBED_VERIFY_LIMIT", "1000000")
}

async fn conform(installation: &Installation) -> Result<()> {
    let program = target().join("python/bin/schemathesis");
    ensure!(program.is_file(), "{} is not there: `tests/run` installs it", program.display());
    let _server = Server::start(installation).await?;
    let config = seed(installation).await?;
    for which in ["--exclude-operation-id-regex", "--include-operation-id-regex"] {
        let mut run = tokio::process::Command::new(&program);
        run.arg("--config-file")
            .arg(&config)
            .args(["run", &format!("http://127.0.0.1:{}/api/openapi.json", installation.port)])
            .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", which, ENDINGS])
            .args(["--seed", "1", "--max-examples", "10", "--generation-database", "none"])
            .args(["--continue-on-failure", "--warnings", "off", "--no-color"])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(installation.folder())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output =
            timeout(LIMIT, run.output()).await.context("waited 5 minutes until schemathesis had ended")??;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        ensure!(said.contains("No issues found"), "{said}");
    }
    Ok(())
}

/// Makes one of everything that a path can name, and writes down what schemathesis puts there and whom it calls as.
async fn seed(installation: &Installation) -> Result<PathBuf> {
    let site = installation.create_site().await?;
    let feedback = repository("examples/modules/feedback");
    let module = installation.publish(&site, &feedback).await?;
    let at = ["--site", &site, "--module", &module];
    let domain = installation.run(&[&["domain", "add", "example.com"], &at[..]].concat()).await?;
    let scopes = ["--scopes", "read,write,delete", "--rate-limit", "1000000"];
    let token = installation.run(&[&["token", "create", "Tester"], &at[..], &scopes].concat()).await?;
    installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
    let person = installation.run(&["user", "token", "ada@example.com"]).await?;
    let record = record(installation.port, &module, token["token"].as_str().context("a token")?).await?;
    let word = |value: &Value, name: &str| {
        Ok::<_, anyhow::Error>(value[name].as_str().context("a word")?.to_owned())
    };
    let config = format!(
        r#"hooks = "{}"

[parameters]
"path.site" = "{site}"
"path.module" = "{module}"
"path.domain" = "{}"
"path.token" = "{}"
"path.collection" = "entries"
"path.id" = "{record}"

[[operations]]
include-path-regex = "^/api/v1/sites"
headers = {{ Authorization = "Bearer {}" }}

[[operations]]
include-path-regex = "^/api/v1/modules"
headers = {{ Authorization = "Bearer {}" }}
"#,
        repository("tests/openapi/hooks.py").canonicalize()?.display(),
        word(&domain, "id")?,
        word(&token, "id")?,
        word(&person, "token")?,
        word(&token, "token")?,
    );
    let path = installation.folder().join("schemathesis.toml");
    std::fs::write(&path, config)?;
    Ok(path)
}

/// Makes a record and returns its id.
async fn record(port: u16, module: &str, token: &str) -> Result<String> {
    let body = json!({ "rating": 4, "comment": "Good" }).to_string();
    let request = format!(
        "POST /api/v1/modules/{module}/records/entries HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = server::exchange(port, &request).await?;
    let (_, record) = answer.split_once("\r\n\r\n").context("the answer has a body")?;
    let record: Value = serde_json::from_str(record).with_context(|| answer.clone())?;
    Ok(record["id"].as_str().context("a record has an id")?.to_owned())
}

#[tokio::test]
async fn the_document_is_read_in_a_browser_without_another_host() -> Result<()> {
    story(async |stage| {
        stage.browser.open(&format!("{}/api/docs", stage.installation.origin())).await?;
        let operations = "document.querySelectorAll('.opblock').length";
        stage.browser.until("the operations were listed", &format!("{operations} > 20")).await?;
        let blocked = "(() => {
          const observer = new ReportingObserver(() => {}, { types: ['csp-violation'], buffered: true })
          observer.observe()
          return observer.takeRecords().map(({ body }) => `${body.effectiveDirective} ${body.blockedURL}`)
        })()";
        assert_eq!(stage.browser.value(blocked).await?, json!([]), "its policy lets it run");
        let elsewhere = "performance.getEntriesByType('resource').map((entry) => entry.name)
          .filter((name) => !name.startsWith(location.origin) && !name.startsWith('data:'))";
        assert_eq!(stage.browser.value(elsewhere).await?, json!([]), "it asks no other host");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_operation_of_the_document_is_described() -> Result<()> {
    let installation = Installation::new()?;
    let _server = Server::start(&installation).await?;
    let answer = server::get(installation.port, "localhost", "/api/openapi.json").await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("the answer has a body")?;
    let document: Value = serde_json::from_str(body)?;
    assert_eq!(document["openapi"], "3.1.0");
    let tags: Vec<_> = document["tags"].as_array().context("tags")?.iter().map(|tag| &tag["name"]).collect();
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().context("paths")? {
        for (method, operation) in item.as_object().context("operations")? {
            let at = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().context(at.clone())?.to_owned()), "{at}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.ends_with('.')), "{at}");
            assert!(
                operation["tags"].as_array().is_some_and(|own| own.iter().all(|tag| tags.contains(&tag))),
                "{at}"
            );
            for (status, response) in operation["responses"].as_object().context(at.clone())? {
                assert!(response["description"].is_string(), "{at} {status}");
                if status.as_str() >= "400" {
                    let codes = "/content/application~1problem+json/schema/allOf/1/properties/code/enum/0";
                    assert!(
                        response.pointer(codes).is_some_and(Value::is_string),
                        "{at} {status}: {response}"
                    );
                }
            }
            for means in operation["security"].as_array().into_iter().flatten() {
                for name in means.as_object().context(at.clone())?.keys() {
                    assert!(document["components"]["securitySchemes"][name].is_object(), "{at} {name}");
                }
            }
        }
    }
    Ok(())
}
