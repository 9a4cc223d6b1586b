//! Registering the apps that may ask people for access to a module's data.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Code;
use embed_base::crypto::sha256_hex;
use embed_base::db::{Tx, execute, on};
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Role};
use embed_core::oauth::{Client, ClientChanges, MOST_CLIENTS, NewClient};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// A module with the collections `entries` and `photos`.
async fn module(app: &TestApp, site: Uuid) -> Uuid {
    let collections = json!({ "entries": {}, "photos": {} });
    let manifest = json!({ "name": "feedback", "version": "1.0.0", "collections": collections });
    app.publish(site, &manifest).await
}

/// An admin, and the site whose apps they manage.
struct Operator<'a> {
    app: &'a TestApp,
    admin: String,
    site: Uuid,
}

impl Operator<'_> {
    async fn ask(&self, method: Method, rest: &str, body: Option<Value>) -> Response {
        let path = format!("/api/v1/sites/{}/oauth-clients{rest}", self.site);
        let request = self.app.request(method, &path).bearer_auth(&self.admin);
        body.iter().fold(request, |request, body| request.json(body)).send().await.unwrap()
    }

    async fn get(&self, rest: &str) -> Value {
        json_of(self.ask(Method::GET, rest, None).await).await.1
    }

    /// Status and detail of an answer.
    async fn refusal(&self, method: Method, rest: &str, body: Value) -> (u16, String) {
        let (status, problem) = json_of(self.ask(method, rest, Some(body)).await).await;
        (status.as_u16(), problem["detail"].as_str().unwrap_or_default().to_owned())
    }
}

fn app_at(module: Uuid) -> Value {
    json!({
        "moduleId": module,
        "name": "Importer",
        "redirectUris": ["https://app.example/callback"],
        "scopes": ["read", "write:entries"],
    })
}

/// The client's row, with what no answer has.
async fn stored(app: &TestApp, client_id: &str) -> Client {
    app.oauth().find_client_anywhere(client_id).await.unwrap()
}

/// What a person has allowed a client, which remembers the consent.
async fn grant(app: &TestApp, client: &Client, user: Option<Uuid>) -> Uuid {
    let (id, now) = (Uuid::now_v7(), app.context.clock.now());
    let text = "INSERT INTO module_oauth_grants
        (id, site_id, module_id, client, client_name, redirect_uri, user_id, scopes, consented_at, created_at)
        VALUES ($1, $2, $3, $4, $5, 'https://app.example/callback', $6, '[\"read\"]', $7, $7)";
    let mut tx = app.context.db.begin_global().await.unwrap();
    execute!(
        &mut tx,
        sqlx::query(text)
            .bind(id)
            .bind(client.site_id)
            .bind(client.module_id)
            .bind(&client.client_id)
            .bind(&client.name)
            .bind(user)
            .bind(now)
    )
    .unwrap();
    tx.commit().await.unwrap();
    id
}

type Times = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// From when a grant's consent is remembered, and since when the grant is revoked.
async fn times(app: &TestApp, grant: Uuid) -> Times {
    let mut tx: Tx = app.context.db.read_global().await.unwrap();
    let text = "SELECT consented_at, revoked_at FROM module_oauth_grants WHERE id = $1";
    on!(&mut tx, |conn| sqlx::query_as(text).bind(grant).fetch_one(conn).await).unwrap()
}

async fn person(app: &TestApp, role: Role) -> Uuid {
    let email = Email::parse(&format!("{}@example.com", Uuid::now_v7())).unwrap();
    let accounts = Accounts::new(&app.context);
    accounts.invite(&Actor::CommandLine, HOME, email, None, role).await.unwrap().id
}

story!(an_app_is_registered_shown_rotated_and_deleted_over_http, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let operator = Operator { app: &app, admin: app.operator(HOME, Role::Admin).await, site };
    let made = operator.ask(Method::POST, "", Some(app_at(module))).await;
    assert_eq!(
        (made.status().as_u16(), &made.headers()["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let (_, made) = json_of(made).await;
    let (id, secret) = (made["clientId"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let is_hex =
        |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hex(id.strip_prefix("dram_").unwrap(), 24), "{id}");
    assert!(is_hex(secret.strip_prefix("dram_secret_").unwrap(), 64), "{secret}");
    assert_eq!((&made["confidential"], &made["clientCredentials"]), (&json!(true), &json!(false)));
    assert_eq!(made["scopes"], json!(["read", "write:entries"]));

    // The secret is in that answer alone, and nowhere but as its hash.
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    let one = format!("/{id}");
    assert_eq!(operator.get(&one).await, shown);
    assert_eq!(operator.get("").await, json!({ "data": [shown], "nextCursor": null }));
    assert!(!shown.to_string().to_lowercase().contains("hash"), "{shown}");
    let row = stored(&app, id).await;
    assert_eq!(row.client_secret_hash, Some(sha256_hex(secret.as_bytes())));
    assert!(!format!("{row:?}").contains(secret));

    // The old secret stays for a day, or as long as the operator says; the one before it ends.
    let rotate = format!("{one}/rotate");
    let next = operator.ask(Method::POST, &rotate, None).await;
    assert_eq!(next.status().as_u16(), 201);
    let (_, next) = json_of(next).await;
    let row = stored(&app, id).await;
    assert!(row.has_secret(next["secret"].as_str().unwrap()));
    assert_eq!(row.previous_secret_hash, Some(sha256_hex(secret.as_bytes())));
    assert_eq!(row.previous_secret_until, Some(app.context.clock.now() + TimeDelta::hours(24)));
    operator.ask(Method::POST, &rotate, Some(json!({ "overlapSeconds": 60 }))).await;
    let row = stored(&app, id).await;
    assert_eq!(row.previous_secret_hash, Some(sha256_hex(next["secret"].as_str().unwrap().as_bytes())));
    assert_eq!(row.previous_secret_until, Some(app.context.clock.now() + TimeDelta::seconds(60)));

    assert_eq!(operator.ask(Method::DELETE, &one, None).await.status().as_u16(), 204);
    assert_eq!(operator.refusal(Method::GET, &one, json!({})).await.0, 404);
    let (_, activity) = json_of(
        app.get(&format!("/api/v1/sites/{site}/activity")).bearer_auth(&operator.admin).send().await.unwrap(),
    )
    .await;
    let actions: Vec<_> = activity["data"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    let expected =
        ["oauth_client.deleted", "oauth_client.rotated", "oauth_client.rotated", "oauth_client.created"];
    assert_eq!(actions[..4], expected, "{activity}");
});

story!(what_makes_no_sense_is_refused_with_a_sentence, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let module = module(&app, site).await;
    let bare = app.module(site, "bare").await;
    let operator = Operator { app: &app, admin: app.operator(HOME, Role::Admin).await, site };
    let many: Vec<_> = (0..21).map(|number| format!("https://app.example/{number}")).collect();
    let origins: Vec<_> = (0..21).map(|number| format!("https://a{number}.example")).collect();
    let long = format!("https://app.example/{}", "x".repeat(2048));
    for (changed, sentence) in [
        (json!({ "name": " " }), "A client's `name` must be 1 to 200 characters"),
        (json!({ "redirectUris": [] }), "`redirectUris` is empty"),
        (json!({ "redirectUris": many }), "`redirectUris` has 21 entries; expected at most 20."),
        (json!({ "redirectUris": ["http://app.example/"] }), "uses http; only https, or http on 127.0.0.1"),
        (json!({ "redirectUris": ["https://app.example/#top"] }), "has a fragment"),
        (json!({ "redirectUris": ["https://me@app.example/"] }), "has a user name or password"),
        (json!({ "redirectUris": ["https://*.app.example/"] }), "has a character that URIs do not have"),
        (json!({ "redirectUris": ["javascript:alert(1)"] }), "has a scheme that browsers act on themselves"),
        (json!({ "redirectUris": ["com.example.app:/cb"] }), "is for public clients only"),
        (json!({ "redirectUris": [long] }), "is longer than 2048 bytes"),
        (
            json!({ "confidential": false, "clientCredentials": true }),
            "`clientCredentials` is for confidential clients only",
        ),
        (json!({ "scopes": [] }), "`scopes` is empty"),
        (json!({ "scopes": ["admin"] }), "`admin` is not a scope; expected read"),
        (
            json!({ "scopes": ["read:notes"] }),
            "feedback has no collection `notes`; its module.json declares entries, photos.",
        ),
        (
            json!({ "moduleId": bare, "scopes": ["read:notes"] }),
            "bare has no collection `notes`; its module.json declares none.",
        ),
        (json!({ "allowedOrigins": origins }), "`allowedOrigins` has 21 entries"),
        (json!({ "allowedOrigins": ["https://app.example/path"] }), "expected the https origin of a website"),
        (json!({ "allowedOrigins": ["http://localhost:3000"] }), "expected the https origin of a website"),
        (json!({ "homepage": "http://app.example" }), "`homepage` is not the address of a page"),
        (json!({ "privacyUrl": "javascript:alert(1)" }), "`privacyUrl` is not the address of a page"),
        (json!({ "termsUrl": "https://app.example/a b" }), "`termsUrl` is not the address of a page"),
        (json!({ "secret": "mine" }), "unknown field `secret`"),
    ] {
        let mut new = app_at(module);
        new.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let (status, detail) = operator.refusal(Method::POST, "", new).await;
        assert!(status == 400 && detail.contains(sentence), "{changed}: {status} {detail}");
    }
    let foreign = app.module(other, "booking").await;
    assert_eq!(operator.refusal(Method::POST, "", app_at(foreign)).await.0, 404);
    assert_eq!(operator.get("").await["data"], json!([]));

    // The same rules hold for changes.
    let made = json_of(operator.ask(Method::POST, "", Some(app_at(module))).await).await.1;
    let one = format!("/{}", made["clientId"].as_str().unwrap());
    for (changes, sentence) in [
        (json!({ "redirectUris": [] }), "`redirectUris` is empty"),
        (json!({ "redirectUris": ["com.example.app:/cb"] }), "is for public clients only"),
        (json!({ "scopes": ["delete:notes"] }), "feedback has no collection `notes`"),
        (json!({ "homepage": "app.example" }), "`homepage` is not the address of a page"),
        (json!({ "confidential": false }), "unknown field `confidential`"),
    ] {
        let (status, detail) = operator.refusal(Method::PATCH, &one, changes).await;
        assert!(status == 400 && detail.contains(sentence), "{status} {detail}");
    }
    let mut kept = made.clone();
    kept.as_object_mut().unwrap().remove("secret");
    assert_eq!(operator.get(&one).await, kept);
});

story!(a_public_app_may_have_a_scheme_of_its_own_and_no_secret, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let new = json!({
        "redirectUris": ["com.example.app:/cb", "http://127.0.0.1/cb", "com.example.app:/cb"],
        "scopes": ["read"],
        "confidential": false,
    });
    let made = app.oauth_client(site, module, new).await;
    assert_eq!((made.secret, &made.details.client_secret_hash), (None, &None));
    assert_eq!(*made.details.redirect_uris, ["com.example.app:/cb", "http://127.0.0.1/cb"], "each once");
    let refused = app
        .oauth()
        .rotate_client(&Actor::CommandLine, site, &made.details.client_id, None)
        .await
        .unwrap_err();
    assert!(refused.detail().contains("is a public client, which has no secret"), "{refused}");
});

story!(a_module_has_so_many_apps_and_no_more, |app| {
    let site = app.site().await;
    let (module, other) = (module(&app, site).await, app.module(site, "bare").await);
    let new = |module: Uuid| -> NewClient { serde_json::from_value(app_at(module)).unwrap() };
    let oauth = app.oauth();
    let mut bare = new(other);
    bare.scopes = serde_json::from_value(json!(["read"])).unwrap();
    for _ in 0..MOST_CLIENTS {
        oauth.create_client(&Actor::CommandLine, site, new(module)).await.unwrap();
    }
    let refused = oauth.create_client(&Actor::CommandLine, site, new(module)).await.unwrap_err();
    assert!(refused.detail().starts_with("The module has 50 apps"), "{refused}");
    oauth.create_client(&Actor::CommandLine, site, bare).await.unwrap();
    let first = oauth.list_clients(site, module).await.unwrap().pop().unwrap();
    oauth.delete_client(&Actor::CommandLine, site, &first.client_id).await.unwrap();
    oauth.create_client(&Actor::CommandLine, site, new(module)).await.unwrap();
});

story!(another_name_or_address_ends_remembered_consent, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let made = app.oauth_client(site, module, app_at(module)).await.details;
    let another = app.oauth_client(site, module, app_at(module)).await.details;
    let (user, others) = (grant(&app, &made, None).await, grant(&app, &another, None).await);
    let (id, by) = (made.client_id.as_str(), &Actor::CommandLine);
    let oauth = app.oauth();
    let change = async |changes: Value| {
        let changes: ClientChanges = serde_json::from_value(changes).unwrap();
        oauth.change_client(by, site, id, changes).await.unwrap()
    };
    let remembered = async || times(&app, user).await.0.is_some();

    let same = change(json!({ "name": "Importer", "redirectUris": ["https://app.example/callback"] })).await;
    assert_eq!(same, made, "nothing has changed, the time neither");
    let changed = change(json!({
        "scopes": ["read:photos"], "homepage": "https://app.example", "allowedOrigins": ["https://www.app.example"],
    }))
    .await;
    assert_eq!(changed.scopes.to_string(), "read:photos");
    assert!(remembered().await, "neither its name nor its addresses have changed");
    assert_eq!(change(json!({ "homepage": null })).await.homepage, None);
    assert!(!app.events(site).await.contains(&"oauth.client_changed".to_owned()));

    change(json!({ "name": "Exporter" })).await;
    assert!(!remembered().await);
    assert!(times(&app, others).await.0.is_some(), "that of another app stays");
    change(json!({ "redirectUris": ["https://app.example/cb"] })).await;
    let told: Vec<_> = app.events(site).await.into_iter().filter(|kind| kind.starts_with("oauth")).collect();
    assert_eq!(told, ["oauth.client_changed", "oauth.client_changed"]);
    assert_eq!(times(&app, user).await.1, None, "nothing was revoked");

    // A server sees the change in its cache.
    let seen = async || oauth.client(id).await.unwrap();
    app.settle().await;
    assert_eq!(seen().await.unwrap().name, "Exporter");
    let off = change(json!({ "disabled": true })).await;
    assert_eq!(off.disabled_at, Some(app.context.clock.now()));
    app.settle().await;
    assert!(seen().await.is_none(), "it is switched off");
    app.context.clock.advance(TimeDelta::minutes(1));
    assert_eq!(change(json!({ "disabled": true })).await.disabled_at, off.disabled_at);
    change(json!({ "disabled": false })).await;
    app.settle().await;
    assert!(seen().await.is_some());
});

story!(a_deleted_app_ends_what_it_was_allowed, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let made = app.oauth_client(site, module, app_at(module)).await.details;
    let another = app.oauth_client(site, module, app_at(module)).await.details;
    let user = person(&app, Role::Member).await;
    let ended = [grant(&app, &made, Some(user)).await, grant(&app, &made, None).await];
    let kept = grant(&app, &another, Some(user)).await;
    app.oauth().delete_client(&Actor::CommandLine, site, &made.client_id).await.unwrap();
    for grant in ended {
        assert_eq!(times(&app, grant).await.1, Some(app.context.clock.now()));
    }
    assert_eq!(times(&app, kept).await.1, None);
    let told = app.events(site).await;
    assert_eq!(told.iter().filter(|kind| *kind == "oauth.grant_revoked").count(), 2, "{told:?}");
    let mut tx = app.context.db.read_global().await.unwrap();
    let text = "SELECT key FROM changes WHERE topic = 'oauth grants'";
    let forgotten: Vec<String> = on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_all(conn).await).unwrap();
    assert!(ended.iter().all(|grant| forgotten.contains(&grant.to_string())), "{forgotten:?}");
    let gone = app.oauth().find_client(site, &made.client_id).await.unwrap_err();
    assert_eq!(gone.code(), Code::ClientNotFound);
});

story!(the_admin_who_enables_an_apps_own_tokens_answers_for_them, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let new = json!({ "scopes": ["read"], "clientCredentials": true });
    let made = app.oauth_client(site, module, new).await.details;
    let id = made.client_id.as_str();
    assert_eq!((made.answers_by, made.redirect_uris.len()), (None, 0), "the operator of the server");

    let email = Email::parse("ada@example.com").unwrap();
    let accounts = Accounts::new(&app.context);
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Admin).await.unwrap();
    let (_, secret) = accounts.token(&Actor::CommandLine, &email, "A program", None).await.unwrap();
    let ada = accounts.id_of(&email).await.unwrap();
    let operator = Operator { app: &app, admin: secret.reveal().to_owned(), site };
    let one = format!("/{id}");
    let change =
        async |changes: Value| json_of(operator.ask(Method::PATCH, &one, Some(changes)).await).await.1;
    assert_eq!(change(json!({ "homepage": "https://app.example" })).await["answersBy"], Value::Null);
    assert_eq!(change(json!({ "clientCredentials": true })).await["answersBy"], json!(ada), "taken over");
    let answers = async || app.oauth().answers_for(&stored(&app, id).await).await.unwrap();
    assert_eq!(answers().await.unwrap().id, ada);
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Member).await.unwrap();
    assert!(answers().await.is_none(), "no admin any more");
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Admin).await.unwrap();

    let (own, persons) = (grant(&app, &made, None).await, grant(&app, &made, Some(ada)).await);
    let off = json!({ "clientCredentials": false, "redirectUris": ["https://app.example/callback"] });
    let off = change(off).await;
    assert_eq!((&off["clientCredentials"], &off["answersBy"]), (&json!(false), &Value::Null), "{off}");
    assert!(times(&app, own).await.1.is_some(), "its own tokens end");
    assert_eq!(times(&app, persons).await.1, None, "those of people do not");
});

story!(an_app_of_another_site_is_hidden, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let module = module(&app, site).await;
    let made = app.oauth_client(site, module, app_at(module)).await.details;
    let (id, by) = (made.client_id.as_str(), &Actor::CommandLine);
    let oauth = app.oauth();
    let changes = || ClientChanges { name: Some("Mine".into()), ..ClientChanges::default() };
    for refused in [
        oauth.find_client(other, id).await.err(),
        oauth.change_client(by, other, id, changes()).await.err(),
        oauth.rotate_client(by, other, id, None).await.err(),
        oauth.delete_client(by, other, id).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), Code::ClientNotFound);
    }
    assert_eq!(oauth.list_clients(other, module).await.unwrap(), []);
    let elsewhere = app.another_organization().await;
    let stranger = Operator { app: &app, admin: app.operator(elsewhere, Role::Owner).await, site };
    for (method, rest) in
        [(Method::GET, ""), (Method::GET, &*format!("/{id}")), (Method::DELETE, &format!("/{id}"))]
    {
        assert_eq!(stranger.ask(method, rest, None).await.status().as_u16(), 404);
    }
    assert_eq!(stored(&app, id).await, made);
});

story!(an_app_is_managed_on_the_command_line, |app| {
    let site = app.site().await;
    let module = module(&app, site).await.to_string();
    let text = site.to_string();
    let at = ["--site", &*text, "--module", &*module];
    let new = [
        "client",
        "create",
        "Importer",
        "--redirect-uri",
        "https://app.example/cb",
        "--scopes",
        "read,profile",
    ];
    let made = app.command_json(&[&new, &at[..], &["--origin", "https://www.app.example"]].concat());
    let (id, secret) = (made["clientId"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(stored(&app, id).await.has_secret(secret));
    assert_eq!(made["allowedOrigins"], json!(["https://www.app.example"]));
    let list = app.command_json(&[&["client", "list"], &at[..]].concat());
    assert_eq!((&list["data"][0]["clientId"], list.to_string().contains(secret)), (&json!(id), false));

    let set = app.command_json(&[
        "client",
        "set",
        id,
        "--name",
        "Exporter",
        "--no-origins",
        "--client-credentials",
        "--disable",
        "--homepage",
        "https://app.example",
    ]);
    let names = ["name", "allowedOrigins", "clientCredentials", "homepage", "scopes"];
    let seen = names.map(|name| set[name].clone());
    assert_eq!(json!(seen), json!(["Exporter", [], true, "https://app.example", ["read", "profile"]]));
    assert!(set["disabledAt"].is_string());
    let set = app.command_json(&["client", "set", id, "--enable", "--homepage", ""]);
    assert_eq!((&set["disabledAt"], &set["homepage"]), (&Value::Null, &Value::Null));

    let said = |arguments: &[&str]| {
        let output = app.command(arguments);
        let both = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(both).unwrap())
    };
    let (_, shown) = said(&["client", "show", id]);
    assert!(
        shown.contains("  confidential  read,profile  Exporter") && shown.contains("redirect URI"),
        "{shown}"
    );
    let next = app.command_json(&["client", "rotate", id, "--overlap", "1h"]);
    let row = stored(&app, id).await;
    assert!(row.has_secret(next["secret"].as_str().unwrap()) && row.previous_secret_until.is_some());
    for (arguments, sentence) in [
        (vec!["set", id], "Nothing to change."),
        (vec!["set", id, "--enable", "--disable"], "Invalid command"),
        (vec!["show", "dram_0"], "There is no app dram_0 here."),
    ] {
        let (fine, text) = said(&[&["client"], &arguments[..]].concat());
        assert!(!fine && text.contains(sentence), "{text}");
    }
    assert!(said(&["client", "delete", id]).1.starts_with("Exporter is deleted"));
    assert_eq!(app.command_json(&[&["client", "list"], &at[..]].concat())["data"], json!([]));
});

story!(an_app_is_managed_in_the_console, |app| {
    let site = app.site().await;
    let module = module(&app, site).await;
    let sibling = app.module(site, "bare").await;
    let admin = app.signed_in(HOME, Role::Admin).await;
    let apps = format!("/console/sites/{site}/modules/{module}/apps");
    let page = admin.get(&apps).await.html;
    assert!(
        page.contains("This module has no apps yet.") && page.contains("name=\"scope write:photos\""),
        "{page}"
    );
    let fields = [
        ("name", "Importer & Co"),
        ("redirect_uris", "https://app.example/cb\nhttp://127.0.0.1/cb"),
        ("scope read", "on"),
        ("scope write:entries", "on"),
        ("client_credentials", "on"),
        ("origins", "https://www.app.example"),
        ("homepage", "https://app.example"),
        ("terms_url", ""),
    ];
    let made = admin.post(&apps, &fields).await;
    let one = made.location().to_owned();
    let id = one.strip_prefix(&format!("{apps}/")).unwrap_or_else(|| panic!("{}", made.html));
    let row = stored(&app, id).await;
    assert_eq!((row.scopes.to_string(), row.terms_url), ("read write:entries".to_owned(), None));
    assert!(row.answers_by.is_some(), "the admin");

    let shown = async || admin.get(&one).await.html;
    let first = shown().await;
    let secret = |page: &str| {
        let (_, rest) = page.split_once("dram_secret_").unwrap_or_else(|| panic!("no secret in {page}"));
        format!("dram_secret_{}", &rest[..64])
    };
    let old = secret(&first);
    assert!(row.client_secret_hash == Some(sha256_hex(old.as_bytes())), "{first}");
    let page = shown().await;
    assert!(!page.contains("dram_secret_"), "it is shown once");
    for part in [
        "Importer &amp; Co",
        id,
        "read all records",
        "create and change the records of <code>entries</code>",
        "https://embed.test/oauth/authorize",
        "https://embed.test/oauth/token",
        "grant_type=client_credentials",
        &format!("https://embed.test/api/v1/modules/{module}"),
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(admin.get(&apps).await.html.contains(&format!("href=\"{one}\"")));

    // What the page shows is what it sends back: saving it changes nothing.
    let again: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).copied().collect();
    assert_eq!(admin.post(&one, &again).await.location(), format!("{one}?done=saved"));
    assert_eq!(stored(&app, id).await.updated_at, row.updated_at);
    let wrong = [("name", "Exporter"), ("redirect_uris", "https://app.example/#cb"), ("scope read", "on")];
    let seen = admin.post(&one, &wrong).await;
    assert!(seen.status == 400 && seen.html.contains("has a fragment"), "{}", seen.html);
    assert!(seen.html.contains("value=\"Exporter\"") && seen.html.contains("https://app.example/#cb"));
    let fields = [("name", "Exporter"), ("redirect_uris", "https://app.example/cb"), ("scope profile", "on")];
    admin.post(&one, &fields).await;
    let row = stored(&app, id).await;
    assert_eq!(
        (&*row.name, row.scopes.to_string(), row.client_credentials),
        ("Exporter", "profile".to_owned(), false)
    );

    admin.post(&format!("{one}/switch-off"), &[]).await;
    assert!(shown().await.contains("switched off"));
    admin.post(&format!("{one}/switch-on"), &[]).await;
    admin.post(&format!("{one}/answer"), &[]).await;
    let row = stored(&app, id).await;
    assert_eq!((row.disabled_at, row.client_credentials), (None, true));
    assert!(admin.get(&format!("{one}/rotate")).await.html.contains("Rotate the secret of Exporter?"));
    assert_eq!(admin.post(&format!("{one}/rotate"), &[]).await.location(), one);
    assert!(!admin.get("/console/account").await.html.contains("dram_secret_"), "it waits for its own page");
    let page = shown().await;
    assert!(stored(&app, id).await.has_secret(&secret(&page)) && page.contains("The old secret works until"));

    assert!(page.contains("Nobody yet."), "{page}");
    let ended = grant(&app, &stored(&app, id).await, Some(person(&app, Role::Member).await)).await;
    let revoke = format!("{one}/grants/{ended}/revoke");
    assert!(shown().await.contains(&format!("href=\"{revoke}\"")));
    assert!(admin.get(&revoke).await.html.contains("End the access of"));
    assert_eq!(admin.post(&revoke, &[]).await.location(), format!("{one}?done=access-ended"));
    assert!(times(&app, ended).await.1.is_some());
    assert_eq!(admin.post(&revoke, &[]).await.status, 404, "it has ended");

    // A member looks; nothing of it is below another module.
    let member = app.signed_in(HOME, Role::Member).await;
    let page = member.get(&one).await.html;
    assert!(
        page.contains("Exporter") && !page.contains("<form class=\"stack\"") && !page.contains("Delete…"),
        "{page}"
    );
    let elsewhere = one.replace(&module.to_string(), &sibling.to_string());
    assert_eq!(admin.get(&elsewhere).await.status, 404);
    assert!(admin.get(&format!("{one}/remove")).await.html.contains("Delete Exporter?"));
    assert_eq!(admin.post(&format!("{one}/remove"), &[]).await.location(), format!("{apps}?done=deleted"));
    assert_eq!(admin.get(&one).await.status, 404);

    // A public app has no secret to show.
    let fields =
        [("name", "Phone"), ("redirect_uris", "com.example.app:/cb"), ("scope read", "on"), ("public", "on")];
    let made = admin.post(&apps, &fields).await;
    let page = admin.get(made.location()).await.html;
    assert!(
        page.contains("Created.") && !page.contains("Rotate") && !page.contains("CLIENT_SECRET"),
        "{page}"
    );
});
