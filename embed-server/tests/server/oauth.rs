//! An external app gets access to a module's data, uses it, and loses it.

use crate::oauth_app::{CALLBACK, ExternalApp, ISSUER, VERIFIER, answer, sent, text};
use crate::people::HOME;
use crate::story;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use embed_core::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The claims of a token, read without its key.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

story!(a_person_allows_an_app_to_read_and_it_reads, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let page = external.ask(&browser, &[("scope", "read:entries write profile")]).await;
    for shown in [
        "An app",
        "app.example",
        "feedback",
        "read the records of",
        "<code>entries</code>",
        "your name and email",
    ] {
        assert!(page.html.contains(shown), "{shown} in {}", page.html);
    }
    let (given, refused) = page.html.split_once("not yours to give").unwrap();
    assert!(refused.contains("create and change") && !given.contains("create and change"), "{}", page.html);

    let answered = answer(&external.decide(&browser, &page, "allow").await);
    assert_eq!((answered["state"].as_str(), answered["iss"].as_str()), ("the state & more", ISSUER));
    let (status, tokens) = external.token(&external.redemption(&answered["code"])).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("read:entries profile"))
    );
    let access = text(&tokens, "access_token");
    let claims = claims(access);
    let resource = format!("{ISSUER}/api/v1/modules/{}", external.module);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(resource)));
    assert_eq!(
        (&claims["client_id"], &claims["site_id"]),
        (&json!(external.client_id), &json!(external.site))
    );

    assert_eq!(external.reads("entries", access).await, 200);
    assert_eq!(external.reads("notes", access).await, 403, "another collection");
    assert_eq!(external.creates("entries", access).await, 403, "another verb");
    let query = json!({ "query": "{ entries { totalCount } }" });
    let graphql = app.request(Method::POST, &format!("/api/v1/modules/{}/graphql", external.module));
    let (status, _) = sent(graphql.bearer_auth(access).json(&query)).await;
    assert_eq!(status, 200);
    let (_, whose) = sent(app.get("/oauth/userinfo").bearer_auth(access)).await;
    assert_eq!((&whose["module"], &whose["scope"]), (&json!("feedback"), &json!("read:entries profile")));
    assert_eq!(whose["sub"], claims["sub"]);
});

story!(a_refresh_token_is_used_once_and_its_reuse_ends_the_family, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let first = external.tokens(&browser, "read").await;
    let (status, second) = external.refresh(text(&first, "refresh_token")).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["scope"], first["scope"]);

    let (status, again) = external.refresh(text(&first, "refresh_token")).await;
    assert_eq!((status, &again), (200, &second), "an answer that was lost is repeated");
    app.context.clock.advance(TimeDelta::seconds(31));
    let (status, error) = external.refresh(text(&first, "refresh_token")).await;
    assert_eq!((status, text(&error, "error")), (400, "invalid_grant"));
    app.settle().await;
    assert_eq!(external.refresh(text(&second, "refresh_token")).await.0, 400, "the family has ended");
    assert_eq!(external.reads("entries", text(&second, "access_token")).await, 401);
    assert_eq!(external.reads("entries", text(&first, "access_token")).await, 401);
});

story!(a_refresh_token_whose_child_was_used_is_not_answered_again, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let first = external.tokens(&browser, "read").await;
    let (_, second) = external.refresh(text(&first, "refresh_token")).await;
    let (_, third) = external.refresh(text(&second, "refresh_token")).await;
    let (status, error) = external.refresh(text(&first, "refresh_token")).await;
    assert_eq!((status, text(&error, "error")), (400, "invalid_grant"));
    assert_eq!(external.refresh(text(&third, "refresh_token")).await.0, 400, "the family has ended");
});

story!(a_code_is_answered_again_for_ten_seconds_and_then_ends_what_it_gave, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let code = external.code(&browser, "read").await;
    let (status, tokens) = external.token(&external.redemption(&code)).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(external.token(&external.redemption(&code)).await, (200, tokens.clone()));
    // What does not prove a right to the code changes nothing.
    let mut wrong = external.redemption(&code);
    wrong[3] = ("code_verifier", "x123456789012345678901234567890123456789012345");
    app.context.clock.advance(TimeDelta::seconds(11));
    assert_eq!(external.token(&wrong).await.0, 400);
    app.settle().await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 200);
    let (status, error) = external.token(&external.redemption(&code)).await;
    assert_eq!((status, text(&error, "error")), (400, "invalid_grant"));
    app.settle().await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 401);
    assert_eq!(external.refresh(text(&tokens, "refresh_token")).await.0, 400);
});

story!(what_a_person_has_allowed_ends_when_they_say_so, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let tokens = external.tokens(&browser, "read").await;
    let second = app.second_server().await;
    let reads_there = async || {
        let url = format!("http://{}/api/v1/modules/{}/records/entries", second.address(), external.module);
        let request = reqwest::Client::new().get(url).header("Host", "embed.test");
        request.bearer_auth(text(&tokens, "access_token")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(reads_there().await, 200);
    let (status, _) =
        sent(external.request("/oauth/revoke", &[("token", text(&tokens, "refresh_token"))])).await;
    assert_eq!(status, 200);
    let limit = Duration::from_secs(10);
    embed_testing::until("the other server refuses the token", limit, async || reads_there().await == 401)
        .await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 401);
    assert_eq!(external.refresh(text(&tokens, "refresh_token")).await.0, 400);
    second.stop().await;
});

story!(a_client_acts_for_itself_where_an_admin_allowed_it, |app| {
    let external = ExternalApp::registered(&app).await;
    let form = [("grant_type", "client_credentials"), ("scope", "write:entries")];
    let (status, error) = external.token(&form).await;
    assert_eq!((status, text(&error, "error")), (400, "unauthorized_client"));
    let new = json!({ "scopes": ["write"], "clientCredentials": true });
    let own = ExternalApp::of(&app, external.site, external.module, new).await;
    let (status, tokens) = own.token(&form).await;
    assert_eq!((status, &tokens["scope"]), (200, &json!("write:entries")), "{tokens}");
    assert!(tokens.get("refresh_token").is_none());
    app.settle().await;
    let access = text(&tokens, "access_token");
    assert_eq!(claims(access)["sub"], json!(own.client_id));
    assert_eq!((own.creates("entries", access).await, own.creates("notes", access).await), (201, 403));
    let (status, error) = own.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await;
    assert_eq!((status, text(&error, "error")), (400, "invalid_scope"));
    let (status, _) = sent(own.request("/oauth/revoke", &[("token", access)])).await;
    assert_eq!(status, 200);
    app.settle().await;
    assert_eq!(own.creates("entries", access).await, 401);
});

story!(what_was_allowed_is_remembered_and_asked_again_when_something_is_new, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Owner).await;
    external.tokens(&browser, "read").await;
    let again = external.ask(&browser, &[("prompt", "none")]).await;
    assert!(answer(&again).contains_key("code"), "{}", again.location());
    let narrower = external.tokens(&browser, "read:entries").await;
    assert_eq!(narrower["scope"], json!("read:entries"), "the narrower request gets the narrower token");
    let wider = external.ask(&browser, &[("scope", "read write")]).await;
    assert_eq!(wider.status, 200);
    assert!(wider.html.contains("You have allowed before"), "{}", wider.html);
    let silent = answer(&external.ask(&browser, &[("scope", "read write"), ("prompt", "none")]).await);
    assert_eq!(silent["error"], "consent_required");
    let asked = external.ask(&browser, &[("prompt", "consent")]).await;
    assert_eq!(asked.status, 200, "asked, because the app wants it");
    let stranger = answer(&external.ask(&app.browser(), &[("prompt", "none")]).await);
    assert_eq!((stranger["error"].as_str(), stranger["iss"].as_str()), ("login_required", ISSUER));
    app.context.clock.advance(TimeDelta::days(31));
    let later = answer(&external.ask(&app.signed_in(HOME, Role::Owner).await, &[("prompt", "none")]).await);
    assert_eq!(
        later["error"], "consent_required",
        "consent is remembered for thirty days, and each person's own"
    );
});

story!(a_request_is_decided_once_by_one_session, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let begun = browser.get(&external.link(&[])).await;
    let link = begun.location().to_owned();
    let page = browser.get(&link).await;
    let allowed = external.decide(&browser, &page, "allow").await;
    assert_eq!(answer(&external.decide(&browser, &page, "deny").await), answer(&allowed), "the same again");
    assert_eq!(answer(&browser.get(&link).await), answer(&allowed), "a reload, too");
    let thief = app.signed_in(HOME, Role::Member).await;
    let stolen = thief.get(&link).await;
    assert_eq!(stolen.status, 403);
    assert!(stolen.html.contains("answered already") && !stolen.html.contains("code="), "{}", stolen.html);
    let code = &answer(&allowed)["code"];
    assert_eq!(external.token(&external.redemption(code)).await.0, 200);
    assert_eq!(browser.get(&link).await.status, 403, "the code was used");
});

story!(signing_in_on_the_way_keeps_the_request, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.browser();
    let begun = browser.get(&external.link(&[("login_hint", "ada@example.com")])).await;
    let to_sign_in = browser.get(begun.location()).await;
    assert_eq!(to_sign_in.status, 303);
    assert!(to_sign_in.location().starts_with("/console/sign-in?next=%2Foauth%2Fconsent%3Fhandle%3D"));
    let sign_in = browser.get(to_sign_in.location()).await;
    let policy = sign_in.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("form-action") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!sign_in.headers.contains_key("cross-origin-opener-policy"));
    assert_eq!(
        format!("/oauth/consent?handle={}", sign_in.field("next").split('=').nth(1).unwrap()),
        begun.location()
    );
    let fields = [("email", "ada@example.com"), ("next", &*sign_in.field("next"))];
    let code_page = browser.post_bare("/console/sign-in", &fields).await.location().to_owned();
    assert!(code_page.starts_with("/console/sign-in/code?id="), "{code_page}");
    assert_eq!(
        browser.get(to_sign_in.location()).await.location(),
        code_page,
        "a window that was lost is taken up again"
    );
    let again = browser.get(&format!("{}&again=1", to_sign_in.location())).await;
    assert_eq!(again.status, 200, "another code can be had");
    app.context.clock.advance(TimeDelta::minutes(16));
    let late = app.signed_in(HOME, Role::Member).await.get(begun.location()).await;
    assert_eq!(late.status, 403);
    assert!(late.html.contains("Go back to An app and begin again"), "{}", late.html);
});

story!(a_person_signs_in_again_where_the_app_wants_that, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    app.context.clock.advance(TimeDelta::seconds(5));
    let begun = browser.get(&external.link(&[("prompt", "login")])).await;
    let page = browser.get(begun.location()).await;
    assert!(page.location().starts_with("/console/sign-in?next="), "{} {}", page.status, page.location());
    app.context.clock.advance(TimeDelta::seconds(5));
    let anew = app.signed_in(HOME, Role::Member).await;
    assert_eq!(anew.get(begun.location()).await.status, 200);
});

story!(an_app_introspects_its_own_tokens_alone, |app| {
    let external = ExternalApp::registered(&app).await;
    let other = json!({ "redirectUris": [CALLBACK], "scopes": ["read"] });
    let other = ExternalApp::of(&app, external.site, external.module, other).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let tokens = external.tokens(&browser, "read").await;
    for kind in ["access_token", "refresh_token"] {
        let form = [("token", text(&tokens, kind))];
        let (status, own) = sent(external.request("/oauth/introspect", &form)).await;
        assert_eq!((status, &own["active"], &own["scope"]), (200, &json!(true), &json!("read")), "{own}");
        let (status, foreign) = sent(other.request("/oauth/introspect", &form)).await;
        assert_eq!((status, foreign), (200, json!({ "active": false })));
        let (status, _) = sent(other.request("/oauth/revoke", &form)).await;
        assert_eq!(status, 200, "of another client's token nothing is told");
    }
    app.settle().await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 200, "and nothing ends");
    let stranger = external.request_as("/oauth/introspect", &[("token", "x")], None, None);
    let (status, error) = sent(stranger).await;
    assert_eq!((status, text(&error, "error")), (401, "invalid_client"));
    assert_eq!(VERIFIER.len(), 43);
});

story!(a_person_sees_and_ends_what_they_have_allowed, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    assert!(browser.get("/console/account/apps").await.html.contains("You have allowed no app"));
    let tokens = external.tokens(&browser, "read").await;
    let list = browser.get("/console/account/apps").await;
    assert!(list.html.contains("An app") && list.html.contains("read all records"), "{}", list.html);
    let (_, rest) = list.html.split_once("href=\"/console/account/apps/").unwrap();
    let end = format!("/console/account/apps/{}", rest.split('"').next().unwrap());
    assert!(browser.get(&end).await.html.contains("End access"));
    let other = app.signed_in(HOME, Role::Owner).await;
    assert_eq!(other.post(&end, &[]).await.status, 404, "another person's");
    assert_eq!(browser.post(&end, &[]).await.location(), "/console/account/apps?done=access-ended");
    app.settle().await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 401);
    assert_eq!(external.refresh(text(&tokens, "refresh_token")).await.0, 400);
    let asked = external.ask(&browser, &[]).await;
    assert_eq!(asked.status, 200, "asked again");
    assert!(!asked.html.contains("allowed before"), "{}", asked.html);
    let events = app.events(external.site).await;
    for kind in ["oauth.grant_created", "oauth.grant_revoked"] {
        assert!(events.iter().any(|event| event == kind), "{kind} in {events:?}");
    }
});

story!(only_those_allow_apps_whom_the_module_says, |app| {
    use embed_base::events::activity::Actor;
    use embed_core::modules::{ModuleChanges, Modules, WhoMayConsent};
    let external = ExternalApp::registered(&app).await;
    let modules = Modules::new(&app.context).unwrap();
    let (member, admin) = (app.signed_in(HOME, Role::Member).await, app.signed_in(HOME, Role::Admin).await);
    for (who, allowed) in [
        (WhoMayConsent::Nobody, [false, false]),
        (WhoMayConsent::Admins, [false, true]),
        (WhoMayConsent::Members, [true, true]),
    ] {
        let changes = ModuleChanges { oauth_who: Some(who) };
        modules.change(&Actor::CommandLine, external.site, external.module, changes).await.unwrap();
        for (browser, allowed) in [&member, &admin].into_iter().zip(allowed) {
            let page = external.ask(browser, &[]).await;
            assert_eq!(page.html.contains("value=\"allow\""), allowed, "{who:?}: {}", page.html);
        }
    }
});
