//! Who may do what with a module's records, from where: every caller × every operation, each cell asserted.

use crate::app::{TestApp, json_of};
use crate::story;
use chrono::TimeDelta;
use embed_server::accounts::{Accounts, Email, Role};
use embed_server::events::activity::Actor;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

/// What is asked of the collection `entries`, in which visitors may only create, and of `notes`, which they may read.
const OPERATIONS: [&str; 9] =
    ["list", "get", "create", "replace", "patch", "delete", "list notes", "query", "mutate"];

struct Scene {
    app: TestApp,
    site: Uuid,
    module: Uuid,
    /// A record of `entries`.
    record: String,
    writer: String,
}

impl Scene {
    async fn set(app: TestApp) -> Self {
        let site = app.site().await;
        let schema = json!({ "type": "object", "properties": { "rating": { "type": "integer" } }, "required": ["rating"] });
        let module = app
            .publish(
                site,
                &json!({ "name": "feedback", "version": "1.0.0", "collections": {
                    "entries": { "schema": schema, "visitors": ["create"] },
                    "notes": { "schema": { "type": "object" }, "visitors": ["read"] },
                } }),
            )
            .await;
        for domain in ["example.test", "embed-only.test"] {
            app.allow(site, module, domain).await;
        }
        let writer = app
            .token(site, module, json!({ "scopes": ["read", "write", "delete"], "rateLimit": 1_000_000 }))
            .await;
        let scene = Self { app, site, module, record: String::new(), writer };
        let record = scene.create().await;
        Self { record, ..scene }
    }

    /// Makes a record; its id.
    async fn create(&self) -> String {
        let asked = self
            .call(Method::POST, "records/entries")
            .bearer_auth(&self.writer)
            .json(&json!({ "rating": 5 }));
        let (status, made) = json_of(asked.send().await.unwrap()).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, &format!("/api/v1/modules/{}/{path}", self.module))
    }

    fn operation(&self, operation: &str) -> RequestBuilder {
        let one = format!("records/entries/{}", self.record);
        let (body, graphql) = (json!({ "rating": 4 }), |query: String| json!({ "query": query }));
        match operation {
            "list" => self.call(Method::GET, "records/entries"),
            "get" => self.call(Method::GET, &one),
            "create" => self.call(Method::POST, "records/entries").json(&body),
            "replace" => self.call(Method::PUT, &one).json(&body),
            "patch" => self.call(Method::PATCH, &one).json(&body),
            "delete" => self.call(Method::DELETE, &one),
            "list notes" => self.call(Method::GET, "records/notes"),
            "query" => self
                .call(Method::POST, "graphql")
                .json(&graphql("{ records(collection: \"entries\") { nodes { id } } }".to_owned())),
            "mutate" => self.call(Method::POST, "graphql").json(&graphql(
                "mutation { createRecord(collection: \"entries\", data: { rating: 3 }) { id } }".to_owned(),
            )),
            _ => unreachable!(),
        }
    }

    /// What the operation comes to: the status, or the code of the error.
    async fn outcome(&mut self, operation: &str, shown: &Shown) -> String {
        let mut asked = self.operation(operation);
        if let Some(credential) = &shown.credential {
            asked = asked.bearer_auth(credential);
        }
        if let Some(origin) = &shown.origin {
            asked = asked.header("Origin", origin);
        }
        let response = asked.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        if operation == "delete" && status < 300 {
            self.record = self.create().await;
        }
        let code = body["code"].as_str().or(body["errors"][0]["extensions"]["code"].as_str());
        code.map_or_else(|| status.to_string(), str::to_owned)
    }

    async fn operator(&self, name: &str, role: Role, organization: Uuid) -> String {
        let accounts = Accounts::new(&self.app.context);
        let email = Email::parse(&format!("{name}@example.test")).unwrap();
        accounts.invite(&Actor::CommandLine, organization, email.clone(), None, role).await.unwrap();
        let (_, secret) = accounts.token(&Actor::CommandLine, &email, None).await.unwrap();
        self.app.settle().await;
        secret.reveal().to_owned()
    }
}

/// A caller, the credential and the origin that he shows, and what each operation comes to.
type Row<'a> = (&'a str, Option<&'a String>, Option<&'a String>, [&'a str; OPERATIONS.len()]);

/// What a caller shows.
struct Shown {
    credential: Option<String>,
    origin: Option<String>,
}

story!(every_caller_may_what_is_his_and_nothing_else, |app| {
    let mut scene = Scene::set(app).await;
    let (site, module) = (scene.site, scene.module);
    let own = format!("https://{module}.modules.test");
    let (host, no_api) = ("https://example.test".to_owned(), "https://embed-only.test".to_owned());
    let embed_only = scene.app.domains().list(site, module).await.unwrap();
    let embed_only = embed_only.iter().find(|domain| domain.domain == "embed-only.test").unwrap().id;
    scene.app.command_json(&["domain", "set", &embed_only.to_string(), "--no-api"]);
    scene.app.settle().await;
    let visitor = async |app: &TestApp, origin: &str| {
        let (_, allowed) = json_of(app.ask(origin, site, module).send().await.unwrap()).await;
        allowed["token"].as_str().unwrap().to_owned()
    };
    let (of_host, of_no_api) = (visitor(&scene.app, &host).await, visitor(&scene.app, &no_api).await);
    let token = async |app: &TestApp, scopes: Value| {
        app.token(site, module, json!({ "scopes": scopes, "rateLimit": 1_000_000 })).await
    };
    let read = token(&scene.app, json!(["read"])).await;
    let write = token(&scene.app, json!(["write"])).await;
    let delete = token(&scene.app, json!(["delete"])).await;
    let ends = scene.app.context.clock.now() + TimeDelta::seconds(1);
    let expired = scene
        .app
        .token(site, module, json!({ "scopes": ["read", "write", "delete"], "expiresAt": ends }))
        .await;
    scene.app.context.clock.advance(TimeDelta::seconds(1));
    let other_module = scene.app.module(site, "booking").await;
    let foreign = scene.app.token(site, other_module, json!({ "scopes": ["read", "write", "delete"] })).await;
    let organization = Accounts::new(&scene.app.context).organization(None).await.unwrap();
    let member = scene.operator("member", Role::Member, organization).await;
    let admin = scene.operator("admin", Role::Admin, organization).await;

    let (ok, no, who) = ("200", "forbidden", "unauthenticated");
    let nothing = [who; 9];
    let strange = ["origin_not_allowed"; 9];
    let everything = [ok, ok, "201", ok, ok, "204", ok, ok, ok];
    let as_visitor = [no, no, "201", no, no, no, ok, no, ok];
    let rows: Vec<Row> = vec![
        ("nobody", None, None, nothing),
        ("nobody on an allowed page", None, Some(&host), nothing),
        ("a visitor in the module's frame", Some(&of_host), Some(&own), as_visitor),
        ("a visitor on the host page", Some(&of_host), Some(&host), as_visitor),
        ("a visitor of a page without the API, in the frame", Some(&of_no_api), Some(&own), as_visitor),
        ("a visitor on a page without the API", Some(&of_no_api), Some(&no_api), strange),
        ("a visitor's token on another page", Some(&of_no_api), Some(&host), strange),
        ("a visitor's token in a program", Some(&of_host), None, strange),
        ("a token to read", Some(&read), None, [ok, ok, no, no, no, no, ok, ok, no]),
        ("a token to write", Some(&write), None, [no, no, "201", ok, ok, no, no, no, ok]),
        ("a token to delete", Some(&delete), None, [no, no, no, no, no, "204", no, no, no]),
        (
            "a token to read on an allowed page",
            Some(&read),
            Some(&host),
            [ok, ok, no, no, no, no, ok, ok, no],
        ),
        ("a token to read on a page without the API", Some(&read), Some(&no_api), strange),
        ("an expired token", Some(&expired), None, nothing),
        ("another module's token", Some(&foreign), None, [no; 9]),
        ("a member", Some(&member), None, [ok, ok, no, no, no, no, ok, ok, no]),
        ("an admin", Some(&admin), None, everything),
    ];
    for (caller, credential, origin, expected) in rows {
        let shown = Shown { credential: credential.cloned(), origin: origin.cloned() };
        for (operation, expected) in OPERATIONS.into_iter().zip(expected) {
            let outcome = scene.outcome(operation, &shown).await;
            // Over GraphQL whoever may not is told so in the answer's errors.
            assert_eq!(outcome, expected, "{caller}: {operation}");
        }
    }
});

story!(a_page_reads_what_cors_lets_it, |app| {
    let scene = Scene::set(app).await;
    let preflight = async |origin: &str| {
        let asked = scene.call(Method::OPTIONS, "records/entries").header("Origin", origin);
        asked.header("Access-Control-Request-Method", "POST").send().await.unwrap()
    };
    let allowed = preflight("https://example.test").await;
    assert_eq!(allowed.status(), 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://example.test"),
        ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        (
            "access-control-allow-headers",
            "Content-Type, Authorization, X-API-Key, Idempotency-Key, If-Match, If-None-Match",
        ),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "86400"),
        ("vary", "Origin"),
    ] {
        assert_eq!(allowed.headers()[name], value, "{name}");
    }
    for stranger in ["https://evil.test", "http://example.test", "null", "https://example.test.evil.test", ""]
    {
        let refused = preflight(stranger).await;
        assert_eq!(refused.status(), 403, "{stranger}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"), "{stranger}");
        assert_eq!(refused.headers()["vary"], "Origin");
        let asked =
            scene.call(Method::GET, "records/entries").bearer_auth(&scene.writer).header("Origin", stranger);
        let answer = asked.send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{stranger}");
        assert_eq!(json_of(answer).await.1["code"], "origin_not_allowed", "{stranger}");
    }
    let own = format!("https://{}.modules.test", scene.module);
    assert_eq!(preflight(&own).await.headers()["access-control-allow-origin"], own.as_str());

    let asked = scene
        .call(Method::GET, &format!("records/entries/{}", scene.record))
        .header("Origin", "https://example.test");
    let answer = asked.bearer_auth(&scene.writer).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://example.test");
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap().to_owned();
    for name in ["ETag", "RateLimit", "RateLimit-Policy", "X-Rate-Limit", "X-Request-Id"] {
        assert!(exposed.contains(name), "{name}");
        assert!(answer.headers().contains_key(name), "{name}");
    }
    assert_eq!(answer.headers()["vary"], "Origin");
    let without = scene.call(Method::GET, "records/entries").send().await.unwrap();
    assert_eq!(without.status(), 401);
    assert_eq!(without.headers()["www-authenticate"], "Bearer");
    assert_eq!(without.headers()["vary"], "Origin", "who has no origin has another answer too");
});

story!(a_path_that_names_no_module_is_404, |app| {
    for module in ["MODULE_ID", "0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10", "%00", "a%2Fb"] {
        for path in ["records/entries", "graphql"] {
            let asked =
                app.get(&format!("/api/v1/modules/{module}/{path}")).header("Origin", "https://example.test");
            let (status, problem) = json_of(asked.send().await.unwrap()).await;
            assert_eq!((status.as_u16(), &problem["code"]), (404, &"module_not_found".into()), "{module}");
        }
    }
});

story!(a_visitor_counts_only_while_his_page_may_embed, |app| {
    let scene = Scene::set(app).await;
    let origin = "https://example.test";
    let (_, allowed) = json_of(scene.app.ask(origin, scene.site, scene.module).send().await.unwrap()).await;
    let token = allowed["token"].as_str().unwrap();
    let own = format!("https://{}.modules.test", scene.module);
    let create = async || {
        let asked = scene.call(Method::POST, "records/entries").json(&json!({ "rating": 1 }));
        asked.bearer_auth(token).header("Origin", &own).send().await.unwrap().status().as_u16()
    };
    assert_eq!(create().await, 201);
    let domain = scene.app.domains().list(scene.site, scene.module).await.unwrap();
    let domain = domain.iter().find(|domain| domain.domain == "example.test").unwrap().id;
    scene.app.domains().remove(&Actor::CommandLine, scene.site, domain).await.unwrap();
    scene.app.settle().await;
    assert_eq!(create().await, 401, "the page was taken off the list");
});
