//! Who may do what with a module's records, from where, and what comes of it: every caller × every operation, each cell
//! asserted.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use chrono::TimeDelta;
use embed_base::events::activity::Actor;
use embed_core::accounts::Role;
use embed_core::tokens::Tokens;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

/// What is asked of the collection `entries`, in which visitors may only create, and of `notes`, which they may read; and
/// of the site's management, where the module's data opens nothing.
const OPERATIONS: [&str; 13] = [
    "list",
    "get",
    "create",
    "replace",
    "patch",
    "delete",
    "list notes",
    "query",
    "mutate",
    "get what is not there",
    "replace by another record's tag",
    "create what does not fit",
    "rotate what has ended",
];

pub struct ApiFixture {
    pub app: TestApp,
    pub site: Uuid,
    pub module: Uuid,
    /// A record of `entries`.
    pub record: String,
    /// The tag of another one.
    other_tag: String,
    /// The id of a token that has ended.
    ended: Uuid,
    pub writer: String,
}

impl ApiFixture {
    pub async fn set(app: TestApp) -> Self {
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
        let (record, other_tag, ended) = (String::new(), String::new(), Uuid::nil());
        let fixture = Self { app, site, module, record, other_tag, ended, writer };
        let (record, other) = (fixture.create().await, fixture.create().await);
        let other =
            fixture.call(Method::GET, &format!("records/entries/{other}")).bearer_auth(&fixture.writer);
        let other_tag = other.send().await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
        Self { record, other_tag, ..fixture }
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

    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
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
            "get what is not there" => self.call(Method::GET, &format!("records/entries/{}", Uuid::now_v7())),
            "replace by another record's tag" => {
                self.call(Method::PUT, &one).header("If-Match", &self.other_tag).json(&body)
            }
            "create what does not fit" => {
                self.call(Method::POST, "records/entries").json(&json!({ "rating": "good" }))
            }
            "rotate what has ended" => {
                let path = format!("/api/v1/sites/{}/tokens/{}/rotate", self.site, self.ended);
                self.app.request(Method::POST, &path).json(&json!({}))
            }
            _ => unreachable!(),
        }
    }

    /// What the operation comes to: the status, and the code of the error if it is one. Over GraphQL whoever may not is
    /// told so in an answer of 200.
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
        code.map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
    }
}

/// A caller, the credential and the origin that he shows, and what each operation comes to.
type Row<'a> = (&'a str, Option<&'a String>, Option<&'a String>, [&'static str; OPERATIONS.len()]);

/// What a caller shows.
struct Shown {
    credential: Option<String>,
    origin: Option<String>,
}

story!(every_caller_may_do_what_its_grant_says_and_nothing_else, |app| {
    let mut fixture = ApiFixture::set(app).await;
    let (site, module) = (fixture.site, fixture.module);
    let own = format!("https://{module}.modules.test");
    let (host, no_api) = ("https://example.test".to_owned(), "https://embed-only.test".to_owned());
    let (evil, writer_token) = ("https://evil.test".to_owned(), fixture.writer.clone());
    let embed_only = fixture.app.domains().list(site, module).await.unwrap();
    let embed_only = embed_only.iter().find(|domain| domain.domain == "embed-only.test").unwrap().id;
    fixture.app.command_json(&["domain", "set", &embed_only.to_string(), "--no-api"]);
    fixture.app.settle().await;
    let visitor = async |app: &TestApp, origin: &str| {
        let (_, allowed) = json_of(app.ask(origin, site, module).send().await.unwrap()).await;
        allowed["token"].as_str().unwrap().to_owned()
    };
    let (of_host, of_no_api) = (visitor(&fixture.app, &host).await, visitor(&fixture.app, &no_api).await);
    let token = async |app: &TestApp, scopes: Value| {
        app.token(site, module, json!({ "scopes": scopes, "rateLimit": 1_000_000 })).await
    };
    let read = token(&fixture.app, json!(["read"])).await;
    let write = token(&fixture.app, json!(["write"])).await;
    let delete = token(&fixture.app, json!(["delete"])).await;
    let everything = json!(["read", "write", "delete"]);
    let restricted = async |app: &TestApp, mut how: Value| {
        how["scopes"] = everything.clone();
        app.token(site, module, how).await
    };
    let ends = fixture.app.context.clock.now() + TimeDelta::seconds(1);
    let expired = restricted(&fixture.app, json!({ "expiresAt": ends })).await;
    fixture.app.context.clock.advance(TimeDelta::seconds(1));
    let revoked = restricted(&fixture.app, json!({})).await;
    let tokens = Tokens::new(&fixture.app.context);
    fixture.ended = tokens.list(site, module).await.unwrap()[0].id;
    tokens.revoke(&Actor::CommandLine, site, fixture.ended).await.unwrap();
    let elsewhere =
        restricted(&fixture.app, json!({ "allowedIps": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    let of_page =
        restricted(&fixture.app, json!({ "allowedDomains": ["example.test"], "rateLimit": 1_000 })).await;
    let spent = restricted(&fixture.app, json!({ "rateLimit": 1 })).await;
    fixture.call(Method::GET, "records/entries").bearer_auth(&spent).send().await.unwrap();
    let other_module = fixture.app.module(site, "booking").await;
    let foreign = fixture.app.token(site, other_module, json!({ "scopes": everything })).await;
    let mut junk = fixture.writer.clone();
    junk.replace_range(20..21, if &junk[20..21] == "a" { "b" } else { "a" });
    let member = fixture.app.operator(HOME, Role::Member).await;
    let admin = fixture.app.operator(HOME, Role::Admin).await;
    let owner = fixture.app.operator(HOME, Role::Owner).await;
    let elsewhere_owner = fixture.app.another_organization().await;
    let elsewhere_owner = fixture.app.operator(elsewhere_owner, Role::Owner).await;

    let (ok, made, gone) = ("200", "201", "204");
    let (no, who) = ("403 forbidden", "401 unauthenticated");
    let (no_by_graphql, who_by_graphql) = ("200 forbidden", "200 unauthenticated");
    let (lost, ended) = ("404 record_not_found", "409 token_ended");
    let (tag, misfit) = ("412 precondition_failed", "422 invalid_record");
    // A caller that the gateway refuses is refused whatever it asks; the management API is not behind the gateway.
    let away = |outcome| std::array::from_fn(|place| if place == 12 { who } else { outcome });
    let nothing = [who, who, who, who, who, who, who, who_by_graphql, who_by_graphql, who, who, who, who];
    let strange = away("403 origin_not_allowed");
    let writer = [ok, ok, made, ok, ok, gone, ok, ok, ok, lost, tag, misfit, who];
    let reader = [ok, ok, no, no, no, no, ok, ok, no_by_graphql, lost, no, no, who];
    let as_visitor = [no, no, made, no, no, no, ok, no_by_graphql, ok, no, no, misfit, who];
    let with = |row: [&'static str; 13], rotated| {
        std::array::from_fn(|place| if place == 12 { rotated } else { row[place] })
    };
    let rows: Vec<Row> = vec![
        ("nobody", None, None, nothing),
        ("nobody on an allowed page", None, Some(&host), nothing),
        ("a visitor in the module's frame", Some(&of_host), Some(&own), as_visitor),
        ("a visitor on the host page", Some(&of_host), Some(&host), as_visitor),
        ("a visitor of a page without the API, in the frame", Some(&of_no_api), Some(&own), as_visitor),
        ("a visitor on a page without the API", Some(&of_no_api), Some(&no_api), strange),
        ("a visitor's token on another page", Some(&of_no_api), Some(&host), strange),
        ("a visitor's token in a program", Some(&of_host), None, strange),
        ("a token to read", Some(&read), None, reader),
        (
            "a token to write",
            Some(&write),
            None,
            [no, no, made, ok, ok, no, no, no_by_graphql, ok, no, tag, misfit, who],
        ),
        (
            "a token to delete",
            Some(&delete),
            None,
            [no, no, no, no, no, gone, no, no_by_graphql, no_by_graphql, no, no, no, who],
        ),
        ("a token to read on an allowed page", Some(&read), Some(&host), reader),
        ("a token to read on a page without the API", Some(&read), Some(&no_api), strange),
        ("a token on a stranger's page", Some(&writer_token), Some(&evil), strange),
        ("a page's token on its page", Some(&of_page), Some(&host), writer),
        ("a page's token in a program", Some(&of_page), None, strange),
        ("a token from the wrong network", Some(&elsewhere), None, away("403 ip_not_allowed")),
        ("an expired token", Some(&expired), None, away(who)),
        ("a revoked token", Some(&revoked), None, away(who)),
        ("a token with a typing error", Some(&junk), None, away(who)),
        ("another module's token", Some(&foreign), None, away(no)),
        ("a token that is spent", Some(&spent), None, away("429 rate_limited")),
        ("a member", Some(&member), None, with(reader, no)),
        ("an admin", Some(&admin), None, with(writer, ended)),
        ("an owner", Some(&owner), None, with(writer, ended)),
        ("an owner on a stranger's page", Some(&owner), Some(&evil), with(strange, ended)),
        ("another organization's owner", Some(&elsewhere_owner), None, with(away(no), "404 site_not_found")),
    ];
    for (caller, credential, origin, expected) in rows {
        let shown = Shown { credential: credential.cloned(), origin: origin.cloned() };
        for (operation, expected) in OPERATIONS.into_iter().zip(expected) {
            let outcome = fixture.outcome(operation, &shown).await;
            assert_eq!(outcome, expected, "{caller}: {operation}");
        }
    }
});

story!(a_visitor_is_accepted_only_while_its_page_may_embed, |app| {
    let fixture = ApiFixture::set(app).await;
    let origin = "https://example.test";
    let (_, allowed) =
        json_of(fixture.app.ask(origin, fixture.site, fixture.module).send().await.unwrap()).await;
    let token = allowed["token"].as_str().unwrap();
    let own = format!("https://{}.modules.test", fixture.module);
    let create = async || {
        let asked = fixture.call(Method::POST, "records/entries").json(&json!({ "rating": 1 }));
        asked.bearer_auth(token).header("Origin", &own).send().await.unwrap().status().as_u16()
    };
    assert_eq!(create().await, 201);
    let domain = fixture.app.domains().list(fixture.site, fixture.module).await.unwrap();
    let domain = domain.iter().find(|domain| domain.domain == "example.test").unwrap().id;
    fixture.app.domains().remove(&Actor::CommandLine, fixture.site, domain).await.unwrap();
    fixture.app.settle().await;
    assert_eq!(create().await, 401, "the page was taken off the list");
});
