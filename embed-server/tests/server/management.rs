//! What operators do over HTTP: sites, modules, domains.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use embed_core::accounts::Role;
use embed_testing::until;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How long a story waits for what must come.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// A zip file with these files.
fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn bundle(name: &str, version: &str) -> Vec<u8> {
    let manifest = json!({ "name": name, "version": version }).to_string();
    zipped(&[("module.json", &manifest), ("index.html", &format!("<!doctype html><title>{version}</title>"))])
}

/// An operator at work.
struct Desk<'a> {
    app: &'a TestApp,
    secret: String,
}

impl<'a> Desk<'a> {
    async fn of(app: &'a TestApp, role: Role) -> Self {
        Self { app, secret: app.operator(HOME, role).await }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.app.request(method.parse().unwrap(), path).bearer_auth(&self.secret);
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body.to_string()),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn upload(&self, path: &str, archive: Vec<u8>) -> (u16, Value) {
        let request = self.app.request(Method::POST, path).bearer_auth(&self.secret);
        let request = request.header("Content-Type", "application/zip").body(archive);
        let (status, body) = json_of(request.send().await.unwrap()).await;
        self.app.settle().await;
        (status.as_u16(), body)
    }
}

story!(a_site_is_made_renamed_and_deleted, |app| {
    let owner = Desk::of(&app, Role::Owner).await;
    let (status, made) = owner.send("POST", "/api/v1/sites", Some(json!({ "name": " Shop " }))).await;
    assert_eq!((status, &made["name"]), (201, &"Shop".into()), "{made}");
    let path = format!("/api/v1/sites/{}", made["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await, made);
    let (_, renamed) = owner.send("PATCH", &path, Some(json!({ "name": "Café" }))).await;
    assert_eq!(renamed["name"], "Café");
    assert_eq!(owner.send("PATCH", &path, Some(json!({}))).await.1, renamed, "nothing was to be changed");
    assert_eq!(owner.send("DELETE", &path, None).await, (204, Value::Null));
    assert_eq!(owner.send("GET", &path, None).await.1["code"], "site_not_found");
});

story!(what_a_body_says_wrong_is_named_and_changes_nothing, |app| {
    let owner = Desk::of(&app, Role::Owner).await;
    let unknown = uuid::Uuid::now_v7();
    for (body, status, code, words) in [
        (json!({ "name": "" }), 400, "invalid_request", "1 to 200 characters"),
        (json!({ "name": "x".repeat(10_000) }), 400, "invalid_request", "1 to 200 characters"),
        (json!({ "name": "a\u{0}b" }), 400, "invalid_request", "in one line"),
        (json!({ "name": 7 }), 400, "invalid_request", "`name`: invalid type: integer `7`"),
        (json!({}), 400, "invalid_request", "missing field `name`"),
        (json!({ "name": "x", "nmae": "x" }), 400, "invalid_request", "unknown field `nmae`"),
        (json!(["x"]), 400, "invalid_request", "it is a list"),
        (
            json!({ "name": "x", "organizationId": unknown }),
            404,
            "organization_not_found",
            "in no organization",
        ),
        (json!({ "name": "x".repeat(70_000) }), 413, "body_too_large", "larger than this address takes"),
    ] {
        let (is, problem) = owner.send("POST", "/api/v1/sites", Some(body)).await;
        assert_eq!((is, problem["code"].as_str().unwrap()), (status, code), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    let text =
        app.request(Method::POST, "/api/v1/sites").bearer_auth(&owner.secret).body("{\"name\": \"x\"}");
    let (status, problem) = json_of(text.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (415, &"unsupported_media_type".into()));
    assert_eq!(owner.get("/api/v1/sites").await["data"], json!([]));
});

story!(a_long_list_comes_in_pages, |app| {
    let member = Desk::of(&app, Role::Member).await;
    for _ in 0..5 {
        app.site().await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/sites?limit=2".to_owned();
    loop {
        let page = member.get(&path).await;
        seen.extend(
            page["data"].as_array().unwrap().iter().map(|site| site["id"].as_str().unwrap().to_owned()),
        );
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/sites?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    let whole = member.get("/api/v1/sites").await;
    let whole: Vec<_> =
        whole["data"].as_array().unwrap().iter().map(|site| site["id"].as_str().unwrap()).collect();
    assert_eq!(seen, whole);
    assert_eq!(seen.len(), 5);
    let cursor = path.split_once("cursor=").unwrap().1;
    let site = &seen[0];
    let other = format!("/api/v1/sites/{site}/modules?cursor={cursor}");
    let (status, problem) = member.send("GET", &other, None).await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &"invalid_request".into()),
        "a cursor is of one list: {problem}"
    );
});

story!(a_module_is_published_by_upload_and_rolled_back, |app| {
    let admin = Desk::of(&app, Role::Admin).await;
    let site = app.site().await;
    let modules = format!("/api/v1/sites/{site}/modules");
    let (status, first) = admin.upload(&modules, bundle("feedback", "1.0.0")).await;
    assert_eq!(
        (status, &first["version"], &first["changed"]),
        (201, &"1.0.0".into(), &true.into()),
        "{first}"
    );
    let module = first["id"].as_str().unwrap();
    let (_, again) = admin.upload(&modules, bundle("feedback", "1.0.0")).await;
    assert_eq!((&again["id"], &again["changed"]), (&first["id"], &false.into()));
    let own = format!("{modules}/{module}");
    let (_, second) = admin.upload(&format!("{own}/versions"), bundle("opinions", "2.0.0")).await;
    assert_eq!((&second["id"], &second["name"]), (&first["id"], &"opinions".into()));
    assert_eq!(second["lowerThan"], Value::Null);

    let versions = admin.get(&format!("{own}/versions?limit=1")).await;
    assert_eq!(
        (&versions["data"][0]["version"], &versions["data"][0]["files"]),
        (&"2.0.0".into(), &1.into())
    );
    let cursor = versions["nextCursor"].as_str().unwrap();
    let rest = admin.get(&format!("{own}/versions?cursor={cursor}")).await;
    assert_eq!((&rest["data"][0]["version"], &rest["nextCursor"]), (&"1.0.0".into(), &Value::Null));

    let (_, back) = admin.send("POST", &format!("{own}/rollback"), Some(json!({ "version": "1.0.0" }))).await;
    assert_eq!((&back["version"], &back["name"]), (&"1.0.0".into(), &"feedback".into()));
    for version in ["3.0.0", "\u{0}", "../1"] {
        let body = Some(json!({ "version": version }));
        let (status, problem) = admin.send("POST", &format!("{own}/rollback"), body).await;
        assert_eq!((status, &problem["code"]), (404, &"version_not_found".into()), "{problem}");
    }
    let (_, lower) = admin.upload(&format!("{own}/versions"), bundle("opinions", "0.9.0")).await;
    assert_eq!(lower["lowerThan"], "1.0.0", "{lower}");
    let (_, gone) = admin.send("POST", &format!("{own}/unpublish"), None).await;
    assert_eq!((&gone["version"], &gone["id"]), (&Value::Null, &first["id"]));
    assert_eq!(admin.get(&modules).await["data"][0], gone);
    app.settle().await;
    let document =
        app.module_get(module.parse().unwrap(), &format!("/embed/{module}/~/")).send().await.unwrap();
    assert_eq!(document.status(), 404);
});

story!(an_upload_that_is_no_bundle_is_refused_and_changes_nothing, |app| {
    let admin = Desk::of(&app, Role::Admin).await;
    let site = app.site().await;
    let modules = format!("/api/v1/sites/{site}/modules");
    let manifest = json!({ "name": "feedback", "version": "1.0.0" }).to_string();
    let bomb = "0".repeat(11 * 1024 * 1024);
    let nothing_else = ("module.json", manifest.as_str());
    for (archive, status, code, words) in [
        (b"<!doctype html>".to_vec(), 422, "invalid_bundle", "This is not a zip file"),
        (Vec::new(), 422, "invalid_bundle", "This is not a zip file"),
        (zipped(&[("index.html", "x")]), 422, "invalid_bundle", "has no module.json"),
        (zipped(&[nothing_else]), 422, "invalid_bundle", "but the bundle has no such file"),
        (zipped(&[nothing_else, ("../up", "x")]), 422, "invalid_bundle", "would leave the bundle"),
        (zipped(&[nothing_else, ("big.bin", &bomb)]), 422, "invalid_bundle", "`big.bin` has 11 MiB"),
        (
            zipped(&[("module.json", "{}"), ("index.html", "")]),
            422,
            "invalid_manifest",
            "missing field `name`",
        ),
        (
            zipped(&[("f/module.json", &manifest), ("f/index.html", "")]),
            422,
            "invalid_bundle",
            "in the folder `f`",
        ),
        // One byte too many: what is sent beyond that is not read, and whoever sends it may miss the answer.
        (vec![0; 52 * 1024 * 1024 + 1], 413, "body_too_large", "larger than this address takes"),
    ] {
        let (is, problem) = admin.upload(&modules, archive).await;
        assert_eq!((is, problem["code"].as_str().unwrap()), (status, code), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    for content_type in ["application/octet-stream", "text/html", ""] {
        let request = app.request(Method::POST, &modules).bearer_auth(&admin.secret);
        let request = request.header("Content-Type", content_type).body(bundle("feedback", "1.0.0"));
        let (status, problem) = json_of(request.send().await.unwrap()).await;
        assert_eq!((status.as_u16(), &problem["code"]), (415, &"unsupported_media_type".into()));
    }
    assert_eq!(admin.get(&modules).await, json!({ "data": [], "nextCursor": null }));
    assert_eq!(app.events(site).await, Vec::<String>::new());
});

story!(a_domain_is_allowed_verified_changed_and_removed, |app| {
    let admin = Desk::of(&app, Role::Admin).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domains = format!("/api/v1/sites/{site}/modules/{module}/domains");
    let (status, added) =
        admin.send("POST", &domains, Some(json!({ "domain": "https://Example.test/" }))).await;
    assert_eq!((status, &added["domain"], &added["rateLimit"]), (201, &"example.test".into(), &1000.into()));
    let (status, problem) = admin.send("POST", &domains, Some(json!({ "domain": "example.test" }))).await;
    assert_eq!((status, &problem["code"]), (409, &"domain_exists".into()));
    let (status, problem) = admin.send("POST", &domains, Some(json!({ "domain": "*.co.uk" }))).await;
    assert_eq!((status, &problem["code"]), (400, &"invalid_domain".into()));

    let own = format!("{domains}/{}", added["id"].as_str().unwrap());
    let instructions = admin.get(&format!("{own}/instructions")).await;
    assert_eq!((&instructions["dns"], &instructions["meta"]), (&added["dns"], &added["meta"]));
    let (status, problem) = admin.send("POST", &format!("{own}/verify"), None).await;
    assert_eq!((status, &problem["code"]), (409, &"verification_failed".into()), "{problem}");
    let (status, problem) =
        admin.send("POST", &format!("{own}/verify"), Some(json!({ "method": "smoke" }))).await;
    assert_eq!(status, 400, "{problem}");
    app.names
        .publish(added["dns"]["name"].as_str().unwrap(), &[added["dns"]["value"].as_str().unwrap()])
        .await;
    let (_, verified) = admin.send("POST", &format!("{own}/verify"), Some(json!({ "method": "dns" }))).await;
    assert_eq!((&verified["verified"], &verified["verificationMethod"]), (&true.into(), &"dns".into()));
    assert_eq!(admin.get(&domains).await["data"], json!([verified]));

    let verdict = async || {
        app.settle().await;
        app.verdict("https://example.test", site, module).await
    };
    assert_eq!(verdict().await, "allowed");
    let changes = json!({ "allowEmbed": false, "rateLimit": 5, "embedTypes": ["inline"] });
    let (_, changed) = admin.send("PATCH", &own, Some(changes)).await;
    assert_eq!((&changed["allowEmbed"], &changed["allowApi"]), (&false.into(), &true.into()));
    assert_eq!((&changed["rateLimit"], &changed["embedTypes"]), (&5.into(), &json!(["inline"])));
    assert_eq!(changed["verified"], true, "its proof is another matter");
    assert_eq!(verdict().await, "origin_not_allowed");
    for wrong in [json!({ "rateLimit": 0 }), json!({ "embedTypes": ["banner"] }), json!({ "verified": true })]
    {
        let (status, problem) = admin.send("PATCH", &own, Some(wrong)).await;
        assert_eq!((status, &problem["code"]), (400, &"invalid_request".into()), "{problem}");
    }
    let said =
        app.command_json(&["domain", "set", added["id"].as_str().unwrap(), "--embed", "--types", "all"]);
    assert_eq!(
        (&said["allowEmbed"], &said["embedTypes"], &said["rateLimit"]),
        (&true.into(), &json!([]), &5.into())
    );
    assert_eq!(verdict().await, "allowed");
    let nothing = app.command(&["domain", "set", added["id"].as_str().unwrap()]);
    assert!(String::from_utf8_lossy(&nothing.stderr).starts_with("Nothing to change. Use --embed"));

    assert_eq!(admin.send("DELETE", &own, None).await.0, 204);
    assert_eq!(admin.send("GET", &own, None).await.1["code"], "domain_not_found");
    let events = app.events(site).await;
    let active = events.iter().filter(|event| *event == "domain.active").count();
    assert_eq!((active, events.last().map(String::as_str)), (2, Some("domain.removed")), "{events:?}");
});

story!(uploads_of_an_organization_are_taken_so_many_at_once, |app| {
    let owner = Desk::of(&app, Role::Owner).await;
    let (_, site) = owner.send("POST", "/api/v1/sites", Some(json!({ "name": "Shop" }))).await;
    let path = format!("/api/v1/sites/{}/modules", site["id"].as_str().unwrap());
    // An upload that begins, and does not go on.
    let begin = async || {
        let mut connection = TcpStream::connect(app.server.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: embed.test\r\nAuthorization: Bearer {}\r\nContent-Type: application/zip\r\nContent-Length: 100000\r\n\r\nPK",
            owner.secret
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection
    };
    let send = || {
        let request = app.request(Method::POST, &path).bearer_auth(&owner.secret);
        request.header("Content-Type", "application/zip").body(vec![0; 2_000_000]).send()
    };
    let mut begun = Vec::new();
    let refuses = async || {
        begun.push(begin().await);
        send().await.unwrap().status() == 429
    };
    until("four uploads have begun", WAIT_LIMIT, refuses).await;
    let refused = send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "10");
    let (_, problem) = json_of(refused).await;
    assert_eq!(problem["code"], "rate_limited");
    assert!(problem["detail"].as_str().unwrap().contains("is sending 4 bundles"), "{problem}");
    drop(begun);
    let publishes = async || owner.upload(&path, bundle("late", "1.0.0")).await.0 == 201;
    until("their places are free", WAIT_LIMIT, publishes).await;
});
