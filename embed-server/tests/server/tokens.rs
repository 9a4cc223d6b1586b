//! API tokens: what each may do, from where, and until when.

use crate::app::{TestApp, json_of};
use crate::story;
use chrono::TimeDelta;
use embed_base::events::activity::Actor;
use embed_core::tokens::Tokens;
use embed_testing::Database;
use embed_testing::until;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

story!(a_token_is_made_once_and_ends_when_it_is_revoked, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let at = ["--site", &site.to_string(), "--module", &module.to_string()];
    let made =
        app.command_json(&[&["token", "create", "Importer", "--scopes", "read,write"], &at[..]].concat());
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(secret.starts_with(&format!("dram_live_{}", made["prefix"].as_str().unwrap())), "{made}");
    assert_eq!(made["rateLimit"], 100);

    let list = app.command_json(&[&["token", "list"], &at[..]].concat());
    assert_eq!(list["data"][0]["id"], id);
    assert!(!list.to_string().contains(secret), "it is shown once");
    assert!(!list.to_string().to_lowercase().contains("hash"), "{list}");

    let path = format!("/api/v1/modules/{module}/nothing");
    let status = async || app.get(&path).bearer_auth(secret).send().await.unwrap().status().as_u16();
    app.settle().await;
    assert_eq!(status().await, 404);
    app.command_json(&["token", "revoke", id]);
    until("the revocation to be seen", Duration::from_secs(2), async || status().await == 401).await;
    let (_, refused) = json_of(app.get(&path).bearer_auth(secret).send().await.unwrap()).await;
    assert_eq!(refused["detail"], "This token was revoked.");
    assert_eq!(app.events(site).await, ["token.created", "token.revoked", "module.published"]);
});

story!(a_token_counts_only_where_it_says, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let module = app.module(site, "feedback").await;
    let foreign = app.module(other, "booking").await;
    for domain in ["example.test", "shop.test"] {
        app.allow(site, module, domain).await;
    }
    let read = json!(["read"]);
    let plain = app.token(site, module, json!({ "scopes": read })).await;
    let paged =
        app.token(site, module, json!({ "scopes": read, "allowedDomains": ["*.example.test"] })).await;
    let elsewhere = app
        .token(site, module, json!({ "scopes": read, "allowedIps": ["192.0.2.0/24", "2001:db8::/32"] }))
        .await;
    let ends = app.context.clock.now() + TimeDelta::hours(1);
    let short = app.token(site, module, json!({ "scopes": read, "expiresAt": ends })).await;
    let ask = async |module: Uuid, token: &str, origin: Option<&str>| {
        let mut request = app.get(&format!("/api/v1/modules/{module}/nothing")).header("X-API-Key", token);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        let (status, body) = json_of(request.send().await.unwrap()).await;
        format!("{} {}", status.as_u16(), body["code"].as_str().unwrap())
    };
    let (example, shop) = (Some("https://example.test"), Some("https://shop.test"));
    assert_eq!(ask(module, &plain, None).await, "404 not_found");
    assert_eq!(ask(module, &plain, shop).await, "404 not_found");
    assert_eq!(ask(foreign, &plain, None).await, "403 forbidden");
    assert_eq!(ask(module, &plain, Some("https://evil.test")).await, "403 origin_not_allowed");
    assert_eq!(ask(module, &paged, example).await, "404 not_found");
    assert_eq!(ask(module, &paged, shop).await, "403 origin_not_allowed");
    assert_eq!(ask(module, &paged, None).await, "403 origin_not_allowed");
    assert_eq!(ask(module, &elsewhere, None).await, "403 ip_not_allowed");
    assert_eq!(ask(module, &short, None).await, "404 not_found");
    app.context.clock.advance(TimeDelta::hours(1));
    assert_eq!(ask(module, &short, None).await, "401 unauthenticated");

    let mut typing_error = plain.clone();
    typing_error.replace_range(20..21, if &plain[20..21] == "a" { "b" } else { "a" });
    for junk in [&typing_error, "dram_live_", "dram_user_x", "x.y.z", "é", ""] {
        assert_eq!(ask(module, junk, None).await, "401 unauthenticated", "{junk}");
    }
});

story!(a_token_that_makes_no_sense_is_refused_with_a_reason, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let tokens = Tokens::new(&app.context);
    for (wrong, sentence) in [
        (json!({ "name": " ", "scopes": ["read"] }), "A token's `name` must be 1 to 200 characters"),
        (json!({ "name": "x", "scopes": [] }), "`scopes` is empty, so the token could do nothing"),
        (
            json!({ "name": "x", "scopes": ["read"], "allowedIps": ["192.0.2.0/40"] }),
            "expected an address or a network",
        ),
        (json!({ "name": "x", "scopes": ["read"], "allowedIps": [] }), "`allowedIps` has 0 entries"),
        (json!({ "name": "x", "scopes": ["read"], "allowedDomains": ["*.co.uk"] }), "public suffix"),
        (
            json!({ "name": "x", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z" }),
            "`expiresAt` is in the past",
        ),
    ] {
        let mut new = wrong;
        new["moduleId"] = module.to_string().into();
        let error =
            tokens.create(&Actor::CommandLine, site, serde_json::from_value(new).unwrap()).await.unwrap_err();
        assert!(error.detail().contains(sentence), "{error}");
    }
    assert_eq!(tokens.list(site, module).await.unwrap(), []);
    for (arguments, sentence) in [
        (vec!["--scopes", "admin"], "`admin` is not a scope; expected read, write or delete"),
        (vec!["--scopes", "read", "--rate-limit", "0"], "Invalid command"),
        (vec!["--scopes", "read", "--expires", "soon"], "such as 30d"),
    ] {
        let (site, module) = (site.to_string(), module.to_string());
        let at = ["token", "create", "x", "--site", &site, "--module", &module];
        let output = app.command(&[&at[..], &arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(sentence), "{said}");
    }
});

/// A client says by which proxy it comes; whether that is believed decides which network it is in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tokens_networks_are_held_against_the_client_and_not_against_its_proxy() {
    let trusting = [("EMBED_TRUSTED_PROXIES", "127.0.0.0/8, 198.51.100.0/24")];
    for (settings, through_proxies) in [(&trusting[..], true), (&[], false)] {
        let app = TestApp::start_with(Database::sqlite(), settings).await;
        let site = app.site().await;
        let module = app.module(site, "feedback").await;
        let networks = json!(["2001:db8::/32", "203.0.113.0/24", "::ffff:192.0.2.0/120"]);
        let token = app.token(site, module, json!({ "scopes": ["read"], "allowedIps": networks })).await;
        let path = format!("/api/v1/modules/{module}/nothing");
        for (forwarded, listed) in [
            ("2001:db8:1::7", true),
            ("2001:db9::7", false),
            ("203.0.113.7", true),
            ("::ffff:203.0.113.7", true),
            ("203.0.114.7", false),
            ("192.0.2.200", true),
            ("192.0.3.1", false),
            ("203.0.113.7, 198.51.100.1", true),
            ("203.0.113.7, 192.0.3.1", false),
            ("nonsense", false),
        ] {
            let asked = app.get(&path).bearer_auth(&token).header("X-Forwarded-For", forwarded);
            let (status, body) = json_of(asked.send().await.unwrap()).await;
            let expected =
                if listed && through_proxies { (404, "not_found") } else { (403, "ip_not_allowed") };
            assert_eq!((status.as_u16(), body["code"].as_str().unwrap()), expected, "{forwarded}");
        }
    }
}
