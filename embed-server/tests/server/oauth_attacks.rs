//! What attackers send to the authorization server, each beside its honest twin, which is accepted.

use crate::oauth_app::{CALLBACK, CHALLENGE, ExternalApp, ISSUER, VERIFIER, answer, sent, text};
use crate::people::HOME;
use crate::story;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use embed_base::crypto::jwt::JwtKey;
use embed_core::accounts::Role;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The error of the token endpoint with its status.
fn refused((status, answer): (u16, Value)) -> String {
    format!("{status} {}", text(&answer, "error"))
}

story!(a_code_belongs_to_its_client_its_verifier_and_its_address, |app| {
    let external = ExternalApp::registered(&app).await;
    let other = json!({ "redirectUris": [CALLBACK], "scopes": ["read"] });
    let other = ExternalApp::of(&app, external.site, external.module, other).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let code = external.code(&browser, "read").await;
    let honest = external.redemption(&code);
    assert_eq!(refused(other.token(&honest).await), "400 invalid_grant", "another client's code");
    let with = |name: &'static str, value: &'static str| {
        honest
            .iter()
            .map(|&(known, own)| if known == name { (name, value) } else { (known, own) })
            .collect::<Vec<_>>()
    };
    for form in [
        with("code_verifier", "x123456789012345678901234567890123456789012345"),
        with("code_verifier", CHALLENGE),
        with("code_verifier", "short"),
        with("redirect_uri", "https://app.example/other"),
        with("code", "0000000000000000000000000000000000000000000000000000000000000000"),
    ] {
        assert_eq!(refused(external.token(&form).await), "400 invalid_grant", "{form:?}");
    }
    let without = honest.iter().copied().filter(|(name, _)| *name != "code_verifier").collect::<Vec<_>>();
    assert_eq!(refused(external.token(&without).await), "400 invalid_request");
    let mut twice = honest.clone();
    twice.push(("code", "second"));
    assert_eq!(refused(external.token(&twice).await), "400 invalid_request", "a parameter that is repeated");
    assert_eq!(external.token(&honest).await.0, 200, "nothing of this has used it");
});

story!(of_two_servers_one_redeems_a_code_and_one_refreshes, |app| {
    let external = ExternalApp::registered(&app).await;
    let second = app.second_server().await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let code = external.code(&browser, "read").await;
    let at = |server: std::net::SocketAddr, form: Vec<(&'static str, String)>| {
        let own =
            [("client_id", external.client_id.clone()), ("client_secret", external.secret.clone().unwrap())];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form.iter().chain(&own))
            .finish();
        let request =
            reqwest::Client::new().post(format!("http://{server}/oauth/token")).header("Host", "embed.test");
        sent(request.header("Content-Type", "application/x-www-form-urlencoded").body(body))
    };
    let race = async |form: Vec<(&'static str, String)>| {
        let servers = [app.server.address(), second.address()];
        let answers = join_all((0..100).map(|place| at(servers[place % 2], form.clone()))).await;
        let distinct: HashSet<String> =
            answers.iter().map(|(status, answer)| format!("{status} {answer}")).collect();
        assert_eq!(distinct.len(), 1, "{distinct:?}");
        assert_eq!(answers[0].0, 200, "{:?}", answers[0]);
        answers[0].1.clone()
    };
    let redemption = external.redemption(&code);
    let tokens = race(redemption.iter().map(|&(name, value)| (name, value.to_owned())).collect()).await;
    let refresh = text(&tokens, "refresh_token").to_owned();
    // What one client may ask for one person in a minute is used up.
    app.context.clock.advance(TimeDelta::minutes(1));
    let next = race(vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh)]).await;
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    second.stop().await;
});

story!(fifty_redemptions_at_once_have_one_answer, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let code = external.code(&browser, "read").await;
    let honest = external.redemption(&code);
    let answers = join_all((0..50).map(|_| external.token(&honest))).await;
    let distinct: HashSet<String> =
        answers.iter().map(|(status, answer)| format!("{status} {answer}")).collect();
    assert_eq!(distinct.len(), 1, "{distinct:?}");
    assert_eq!(answers[0].0, 200, "{:?}", answers[0]);
    app.settle().await;
    let tokens = &answers[0].1;
    assert_eq!(external.reads("entries", text(tokens, "access_token")).await, 200);
    // What one client may ask for one person in a minute is used up.
    app.context.clock.advance(TimeDelta::minutes(1));
    let refreshed = join_all((0..50).map(|_| external.refresh(text(tokens, "refresh_token")))).await;
    let distinct: HashSet<String> =
        refreshed.iter().map(|(status, answer)| format!("{status} {answer}")).collect();
    assert_eq!(distinct.len(), 1, "one child: {distinct:?}");
    assert_eq!(refreshed[0].0, 200);
    assert_eq!(
        refused(external.token(&honest).await),
        "400 invalid_grant",
        "a replay, because a token of it was used"
    );
    app.settle().await;
    assert_eq!(external.reads("entries", text(&refreshed[0].1, "access_token")).await, 401);
});

story!(a_request_without_a_strong_challenge_is_refused, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    for other in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        [("code_challenge", CHALLENGE), ("code_challenge_method", "")],
        [("code_challenge", "short"), ("code_challenge_method", "S256")],
    ] {
        let answered = answer(&external.ask(&browser, &other).await);
        assert_eq!(answered["error"], "invalid_request", "{other:?}");
        assert_eq!((answered["state"].as_str(), answered["iss"].as_str()), ("the state & more", ISSUER));
        assert!(answered["error_description"].contains("code_challenge"), "{answered:?}");
    }
    assert_eq!(external.ask(&browser, &[]).await.status, 200);
});

story!(nothing_is_sent_to_an_address_that_is_not_registered, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    for address in [
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/callback#top",
        "https://app.example/callback/../callback",
        "https://app.example:8443/callback",
        "https://APP.example/callback",
        "https://evil.example/callback",
        "https://app.example@evil.example/callback",
        "http://app.example/callback",
        "javascript:alert(1)",
        "//evil.example",
    ] {
        // The request is wrong besides, so that an error would be sent there.
        let seen =
            browser.get(&external.link(&[("redirect_uri", address), ("response_type", "token")])).await;
        assert_eq!(seen.status, 400, "{address}: {}", seen.location());
        assert!(
            seen.html.contains("is not registered for it") && seen.html.contains(CALLBACK),
            "{}",
            seen.html
        );
    }
    let unknown = browser.get(&external.link(&[("client_id", "dram_000000000000000000000000")])).await;
    assert_eq!((unknown.status, unknown.location()), (404, ""));
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", external.link(&[]));
    assert_eq!(browser.get(&twice).await.status, 400);
    let only = answer(&external.ask(&browser, &[("response_type", "token")]).await);
    assert_eq!(only["error"], "unsupported_response_type");
    assert_eq!(
        external.ask(&browser, &[("redirect_uri", "")]).await.status,
        200,
        "the only one may be left out"
    );
});

story!(wrong_requests_come_back_as_errors_of_their_rfc, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let foreign = format!("{ISSUER}/api/v1/modules/{}", external.site);
    for (name, value, error) in [
        ("scope", "admin", "invalid_scope"),
        ("scope", "read:nothing", "invalid_scope"),
        ("scope", "openid", "invalid_scope"),
        ("response_mode", "fragment", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("request", "ey.ey.x", "request_not_supported"),
        ("request_uri", "https://app.example/r", "request_uri_not_supported"),
        ("resource", foreign.as_str(), "invalid_target"),
        ("resource", "https://evil.example", "invalid_target"),
    ] {
        let answered = answer(&external.ask(&browser, &[(name, value)]).await);
        assert_eq!(answered["error"], error, "{name}={value}");
        assert!(answered["error_uri"].starts_with("https://embed.test/oauth/errors#"), "{answered:?}");
    }
    let own = format!("{ISSUER}/api/v1/modules/{}/", external.module);
    for (name, value) in
        [("resource", own.as_str()), ("scope", "read offline_access"), ("ui_locales", "de"), ("nonce", "x")]
    {
        assert_eq!(external.ask(&browser, &[(name, value)]).await.status, 200, "{name}={value}");
    }
    let page = browser.get("/oauth/errors").await;
    assert!(page.status == 200 && page.html.contains("id=\"invalid_scope\""), "{}", page.html);
});

story!(no_more_is_allowed_than_the_page_has_shown, |app| {
    use embed_base::events::activity::Actor;
    use embed_core::accounts::{Accounts, Email};
    let external = ExternalApp::registered(&app).await;
    let email = Email::parse("grace@example.com").unwrap();
    let accounts = Accounts::new(&app.context);
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Member).await.unwrap();
    let browser = app.signed_in_as(&email).await;
    let page = external.ask(&browser, &[("scope", "read write")]).await;
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Admin).await.unwrap();
    let answered = answer(&external.decide(&browser, &page, "allow").await);
    let (_, tokens) = external.token(&external.redemption(&answered["code"])).await;
    assert_eq!(tokens["scope"], json!("read"), "they became admin while they read the page");
    let page = external.ask(&browser, &[("scope", "read write")]).await;
    let changes = serde_json::from_value(json!({ "name": "Another app" })).unwrap();
    app.oauth()
        .change_client(&Actor::CommandLine, external.site, &external.client_id, changes)
        .await
        .unwrap();
    app.settle().await;
    let refused = external.decide(&browser, &page, "allow").await;
    assert_eq!(refused.status, 403);
    assert!(refused.html.contains("The app has another name now"), "{}", refused.html);
});

story!(a_clients_own_tokens_end_with_the_admin_who_answers_for_it, |app| {
    use embed_base::events::activity::{Actor, Means};
    use embed_core::accounts::{Accounts, Email};
    let external = ExternalApp::registered(&app).await;
    let email = Email::parse("grace@example.com").unwrap();
    let accounts = Accounts::new(&app.context);
    let grace = accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Admin).await.unwrap();
    let by = Actor::Person {
        id: grace.id,
        email: email.to_string(),
        means: Means::Console,
        address: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let new = json!({
        "moduleId": external.module, "name": "A robot", "scopes": ["read"], "clientCredentials": true,
    });
    let new = serde_json::from_value(new).unwrap();
    let made = app.oauth().create_client(&by, external.site, new).await.unwrap();
    app.settle().await;
    let own = ExternalApp {
        app: &app,
        site: external.site,
        module: external.module,
        client_id: made.details.client_id,
        secret: made.secret,
        redirect_uri: String::new(),
    };
    let form = [("grant_type", "client_credentials")];
    let (_, tokens) = own.token(&form).await;
    app.settle().await;
    assert_eq!(own.reads("entries", text(&tokens, "access_token")).await, 200);
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Member).await.unwrap();
    app.settle().await;
    assert_eq!(own.reads("entries", text(&tokens, "access_token")).await, 401);
    assert_eq!(refused(own.token(&form).await), "400 unauthorized_client");
    let over = serde_json::from_value(json!({ "clientCredentials": true })).unwrap();
    app.oauth().change_client(&Actor::CommandLine, own.site, &own.client_id, over).await.unwrap();
    app.settle().await;
    assert_eq!(own.reads("entries", text(&tokens, "access_token")).await, 401, "it does not come back");
    let (_, tokens) = own.token(&form).await;
    app.settle().await;
    assert_eq!(own.reads("entries", text(&tokens, "access_token")).await, 200);
});

story!(many_tokens_at_once_of_a_client_itself_have_one_grant, |app| {
    let external = ExternalApp::registered(&app).await;
    let new = json!({ "scopes": ["read"], "clientCredentials": true });
    let own = ExternalApp::of(&app, external.site, external.module, new).await;
    let form = [("grant_type", "client_credentials")];
    let answers = join_all((0..10).map(|_| own.token(&form))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(app.oauth().grants_on(own.site, own.module).await.unwrap().len(), 1);
});

story!(a_person_is_asked_sixty_times_a_minute_at_most, |app| {
    let external = ExternalApp::registered(&app).await;
    let (browser, other) = (app.signed_in(HOME, Role::Member).await, app.signed_in(HOME, Role::Member).await);
    for _ in 0..60 {
        assert_eq!(browser.get(&external.link(&[])).await.status, 303);
    }
    assert_eq!(browser.get(&external.link(&[])).await.status, 429);
    assert_eq!(other.get(&external.link(&[])).await.status, 303, "nobody else is refused");
});

story!(a_replay_ends_the_family_however_late_it_comes, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let code = external.code(&browser, "read").await;
    let (_, tokens) = external.token(&external.redemption(&code)).await;
    app.settle().await;
    app.context.clock.advance(TimeDelta::minutes(11));
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 200);
    assert_eq!(refused(external.token(&external.redemption(&code)).await), "400 invalid_grant");
    app.settle().await;
    assert_eq!(external.reads("entries", text(&tokens, "access_token")).await, 401);
});

story!(what_changes_while_the_page_is_read_is_not_passed_over, |app| {
    use embed_base::events::activity::Actor;
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let page = external.ask(&browser, &[]).await;
    let changes = serde_json::from_value(json!({ "redirectUris": ["https://app.example/other"] })).unwrap();
    app.oauth()
        .change_client(&Actor::CommandLine, external.site, &external.client_id, changes)
        .await
        .unwrap();
    app.settle().await;
    let decided = external.decide(&browser, &page, "allow").await;
    assert_eq!((decided.status, decided.location()), (403, ""), "{}", decided.html);
});

story!(odd_bytes_are_refused_and_nobody_is_led_away_by_an_error, |app| {
    let external = ExternalApp::registered(&app).await;
    let nobody = app.browser();
    for query in ["client_id=a%00b", "client_id=%ff", "client_id=%f0%9f%92%a9"] {
        let seen = nobody.get(&format!("/oauth/authorize?{query}")).await;
        assert!([400, 404].contains(&seen.status), "{query}: {}", seen.status);
    }
    let odd = app.request(Method::POST, "/oauth/token").form_body("grant_type=refresh_token&client_id=%00");
    assert_eq!(refused(sent(odd).await), "400 invalid_request");
    let wrong = nobody.get(&external.link(&[("response_type", "token")])).await;
    assert_eq!((wrong.status, wrong.location()), (400, ""), "{}", wrong.html);
    assert!(wrong.html.contains("Return to An app") && wrong.html.contains("unsupported_response_type"));
    let browser = app.signed_in(HOME, Role::Member).await;
    let hinted =
        answer(&external.ask(&browser, &[("prompt", "none"), ("login_hint", "ada@example.com")]).await);
    assert_eq!(hinted["error"], "login_required");
});

story!(consent_cannot_be_forged_framed_or_given_by_strangers, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let page = external.ask(&browser, &[]).await;
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(page.headers["cache-control"], "no-store");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("form-action"), "{policy}");
    assert!(!page.headers.contains_key("cross-origin-opener-policy"));

    let handle = page.field("handle");
    let fields = [("handle", handle.as_str()), ("decision", "allow"), ("app", "An app"), ("scopes", "read")];
    let forged = browser.post_bare("/oauth/consent", &fields).await;
    assert_eq!(forged.status, 403, "without the session's token");
    let other = app.signed_in(HOME, Role::Member).await;
    let with_token = [("form", page.field("form"))];
    let mut stolen: Vec<_> = with_token.iter().map(|(name, value)| (*name, value.as_str())).collect();
    stolen.extend(fields);
    assert_eq!(other.post_bare("/oauth/consent", &stolen).await.status, 403, "another session's token");
    let token = browser.form_token().await;
    let elsewhere = app.browser().on_a_page_of(Some("https://evil.example"));
    elsewhere.keep(browser.cookie());
    let foreign = [[("form", token.as_str())].as_slice(), &fields].concat();
    assert_eq!(elsewhere.post_bare("/oauth/consent", &foreign).await.status, 403, "another website's form");

    let stranger = app.signed_in(app.another_organization().await, Role::Owner).await;
    let outside = external.ask(&stranger, &[]).await;
    assert!(outside.status == 200 && outside.html.contains("is not in"), "{}", outside.html);
    let denied = outside.html.split("error=access_denied").count();
    assert_eq!(denied, 2, "the link back says so to the app: {}", outside.html);
    let fields = [("handle", outside_handle(&outside.html)), ("decision", "allow".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = answer(&stranger.post("/oauth/consent", &fields).await);
    assert_eq!(refused["error"], "access_denied");
    assert_eq!(external.decide(&browser, &page, "allow").await.status, 303);
});

/// The handle in the form of a page without a button to allow.
fn outside_handle(html: &str) -> String {
    let (_, rest) = html.split_once("handle=").unwrap();
    rest.split(['"', '&']).next().unwrap().to_owned()
}

story!(tokens_that_this_server_did_not_sign_for_this_module_are_refused, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let tokens = external.tokens(&browser, "read").await;
    let access = text(&tokens, "access_token");
    let parts: Vec<&str> = access.split('.').collect();
    let (_, keys) = sent(app.get("/oauth/jwks")).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "one that signs and one that will");
    assert!(!keys.to_string().contains("\"d\""), "{keys}");
    let kid = &keys["keys"][0]["kid"];
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = |algorithm: &str| encoded(&json!({ "alg": algorithm, "typ": "at+jwt", "kid": kid }));
    let forged = JwtKey::generate().unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    for (why, token) in [
        ("alg none", format!("{}.{}.", head("none"), parts[1])),
        ("HS256", format!("{}.{}.{}", head("HS256"), parts[1], parts[2])),
        ("another key", forged.sign("at+jwt", &claims).unwrap()),
        ("another type", forged.sign("JWT", &claims).unwrap()),
        ("changed claims", format!("{}.{}.{}", parts[0], encoded(&json!({ "sub": "x" })), parts[2])),
        ("cut off", access[..access.len() - 1].to_owned()),
        ("too long", format!("{access}{}", "a".repeat(9000))),
    ] {
        assert_eq!(external.reads("entries", &token).await, 401, "{why}");
    }
    let other = ExternalApp::registered(&app).await;
    assert_eq!(other.reads("entries", access).await, 401, "another module's `aud`");
    assert_eq!(external.reads("entries", text(&tokens, "refresh_token")).await, 401, "a refresh token");
    assert_eq!(external.reads("entries", access).await, 200);
    app.context.clock.advance(TimeDelta::seconds(-120));
    let path = format!("/api/v1/modules/{}/records/entries", external.module);
    app.context.clock.advance(TimeDelta::seconds(120 + 3601));
    let expired = app.get(&path).bearer_auth(access).send().await.unwrap();
    assert_eq!(expired.status(), 401);
    let metadata =
        format!("{ISSUER}/.well-known/oauth-protected-resource/api/v1/modules/{}", external.module);
    let challenge = expired.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(challenge, format!("Bearer error=\"invalid_token\", resource_metadata=\"{metadata}\""));
    let bare = app.get(&path).send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"], format!("Bearer resource_metadata=\"{metadata}\""));
    let (_, described) = sent(app.get(metadata.strip_prefix(ISSUER).unwrap())).await;
    assert_eq!(described["authorization_servers"], json!([ISSUER]));
});

story!(a_token_without_the_scope_is_told_which, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Admin).await;
    let tokens = external.tokens(&browser, "read").await;
    let path = format!("/api/v1/modules/{}/records/entries", external.module);
    let request = app.request(Method::POST, &path).bearer_auth(text(&tokens, "access_token"));
    let refused = request.json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"write:entries\", "),
        "{challenge}"
    );
});

story!(the_token_endpoint_tells_clients_what_is_wrong_in_the_words_of_the_rfc, |app| {
    let external = ExternalApp::registered(&app).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let id = external.client_id.as_str();
    for (client_id, secret) in [
        (None, None),
        (Some(id), None),
        (Some(id), Some("dram_secret_wrong")),
        (Some("dram_000000000000000000000000"), external.secret.as_deref()),
    ] {
        let response = external.request_as("/oauth/token", &form, client_id, secret).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("www-authenticate"), "Basic was not used");
        assert_eq!(response.status(), 401);
        assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_client");
    }
    let basic =
        app.request(Method::POST, "/oauth/token").basic_auth(id, Some("wrong")).form_body("grant_type=x");
    let response = basic.send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    let basic = app.request(Method::POST, "/oauth/token").basic_auth(id, external.secret.as_deref());
    assert_eq!(refused(sent(basic.form_body("grant_type=password")).await), "400 unsupported_grant_type");
    let json =
        external.app.request(Method::POST, "/oauth/token").json(&json!({ "grant_type": "refresh_token" }));
    assert_eq!(refused(sent(json).await), "400 invalid_request");
    let large = external.request("/oauth/token", &[("grant_type", &"x".repeat(20_000))]);
    assert_eq!(refused(sent(large).await), "400 invalid_request");
    assert_eq!(sent(app.get("/oauth/token")).await.0, 405);
    let preflight = app
        .request(Method::OPTIONS, "/oauth/token")
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
});

story!(a_role_that_is_lowered_ends_what_it_could_give_and_a_membership_everything, |app| {
    use embed_base::events::activity::Actor;
    use embed_core::accounts::{Accounts, Email};
    let external = ExternalApp::registered(&app).await;
    let email = Email::parse("grace@example.com").unwrap();
    let accounts = Accounts::new(&app.context);
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Admin).await.unwrap();
    let browser = app.signed_in_as(&email).await;
    let wide = external.tokens(&browser, "read write").await;
    let access = text(&wide, "access_token");
    assert_eq!(external.creates("entries", access).await, 201);
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Member).await.unwrap();
    app.settle().await;
    assert_eq!(
        (external.creates("entries", access).await, external.reads("entries", access).await),
        (401, 401)
    );
    assert_eq!(refused(external.refresh(text(&wide, "refresh_token")).await), "400 invalid_grant");

    let narrow = external.tokens(&browser, "read write").await;
    assert_eq!(narrow["scope"], json!("read"));
    let other = app.signed_in(HOME, Role::Member).await;
    let others = external.tokens(&other, "read").await;
    accounts.set_role(&Actor::CommandLine, HOME, &email, Role::Admin).await.unwrap();
    app.settle().await;
    assert_eq!(
        external.reads("entries", text(&narrow, "access_token")).await,
        200,
        "a higher role ends nothing"
    );
    accounts.remove(&Actor::CommandLine, HOME, &email).await.unwrap();
    app.settle().await;
    assert_eq!(external.reads("entries", text(&narrow, "access_token")).await, 401);
    assert_eq!(refused(external.refresh(text(&narrow, "refresh_token")).await), "400 invalid_grant");
    assert_eq!(
        external.reads("entries", text(&others, "access_token")).await,
        200,
        "other people keep theirs"
    );
    accounts.invite(&Actor::CommandLine, HOME, email, None, Role::Admin).await.unwrap();
    app.settle().await;
    assert_eq!(
        external.reads("entries", text(&narrow, "access_token")).await,
        401,
        "and it does not come back"
    );
});

story!(a_page_of_an_app_calls_the_api_with_the_apps_tokens_alone, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let tokens = external.tokens(&browser, "read").await;
    let path = format!("/api/v1/modules/{}/records/entries", external.module);
    let from = |origin: &str| app.get(&path).header("Origin", origin.to_owned());
    let preflight = app.request(Method::OPTIONS, &path).header("Origin", "https://app.example");
    let preflight = preflight.header("Access-Control-Request-Method", "GET").send().await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://app.example");
    assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
    let own = from("https://app.example").bearer_auth(text(&tokens, "access_token")).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert_eq!(own.headers()["access-control-allow-origin"], "https://app.example");
    let new = json!({ "moduleId": external.module, "name": "x", "scopes": ["read"] });
    let api_token = app.token(external.site, external.module, new).await;
    for (why, request) in [
        ("nobody", from("https://app.example")),
        ("an API token", from("https://app.example").bearer_auth(&api_token)),
        ("another page", from("https://evil.example").bearer_auth(text(&tokens, "access_token"))),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 403, "{why}");
    }
});

story!(a_compromised_key_ends_what_it_signed, |app| {
    let external = ExternalApp::registered(&app).await;
    let browser = app.signed_in(HOME, Role::Member).await;
    let tokens = external.tokens(&browser, "read").await;
    let access = text(&tokens, "access_token");
    let rotated = app.oauth().rotate_keys(None).await.unwrap();
    assert!(rotated.unknown_to_some, "the next key was published a moment ago");
    app.settle().await;
    assert_eq!(external.reads("entries", access).await, 200, "an ordinary change ends nothing");
    let (_, keys) = sent(app.get("/oauth/jwks")).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3, "old, signing and next: {keys}");
    app.oauth().rotate_keys(Some(&rotated.ended)).await.unwrap();
    app.settle().await;
    assert_eq!(external.reads("entries", access).await, 401);
    let (status, refreshed) = external.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200);
    app.settle().await;
    assert_eq!(external.reads("entries", text(&refreshed, "access_token")).await, 200);
    assert!(app.oauth().rotate_keys(Some("nothing")).await.is_err());
});

/// A body that is a form, as it stands.
trait FormBody {
    fn form_body(self, body: &'static str) -> Self;
}

impl FormBody for reqwest::RequestBuilder {
    fn form_body(self, body: &'static str) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }
}
