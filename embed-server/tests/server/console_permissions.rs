//! Every page of the console, asked by everybody. The pages are those that the router has, each with the rule that its
//! handler's signature says, so a new one is asked too, and fails here until it has a rule and follows it.

use crate::browser::Browser;
use crate::path_ids::PathIds;
use crate::people::HOME;
use crate::story;
use embed_core::accounts::Role;
use embed_server::app::{Rule, console_rules};
use reqwest::Method;
use uuid::Uuid;

/// The rule, as people would say it: a member looks, an admin changes what belongs to sites, an owner manages people and
/// deletes sites; a page that asks before something is for whoever may do it.
fn expected(Rule { method, path, .. }: &Rule) -> &'static str {
    let ends = |end: &str| path.ends_with(end);
    match path.as_str() {
        path if path.starts_with("/console/sign-in") || path == "/console/enter" => "nobody",
        "/oauth/authorize" | "/oauth/errors" => "nobody",
        "/oauth/consent" => "signed in",
        path if path == "/console" || path == "/console/sign-out" || path.starts_with("/console/account") => {
            "signed in"
        }
        _ if ends("/leave") => "member",
        _ if ends("/delete") || ends("/{person}/role") || ends("/{person}/remove") || ends("/name") => {
            "owner"
        }
        path if path.ends_with("/people") && method == "POST" => "owner",
        _ if ends("/rotate")
            || ends("/revoke")
            || ends("/remove")
            || ends("/unpublish")
            || method == "POST" =>
        {
            "admin"
        }
        _ => "member",
    }
}

async fn ask(browser: &Browser<'_>, rule: &Rule, path: &str) -> (u16, String, String) {
    let seen = match rule.method.as_str() {
        "GET" => browser.get(path).await,
        _ => browser.post(path, &[]).await,
    };
    (seen.status, seen.location().to_owned(), seen.html)
}

story!(each_role_may_open_its_pages_and_a_stranger_none, |app| {
    let rules = console_rules();
    assert!(rules.len() > 50, "the router has the console's pages: {}", rules.len());
    let elsewhere = app.another_organization().await;
    for rule in &rules {
        let Rule { method, path, needs } = rule;
        assert_eq!(needs, expected(rule), "{method} {path} has the rule that it should");
        if needs == "nobody" {
            continue;
        }
        let ids = PathIds::new(&app, HOME).await;
        let filled = ids.fill(path, None);
        let nobody = app.browser();
        let seen = match method.as_str() {
            "GET" => nobody.get(&filled).await,
            _ => nobody.post_bare(&filled, &[]).await,
        };
        let leads = seen.location().starts_with("/console/sign-in");
        assert_eq!((seen.status, leads), (303, true), "{method} {path} by nobody");
        if needs == "signed in" {
            continue;
        }
        let stranger = app.signed_in(elsewhere, Role::Owner).await;
        let (status, _, html) = ask(&stranger, rule, &filled).await;
        assert_eq!(status, 404, "{method} {path} by a stranger: {html}");
        for role in [Role::Member, Role::Admin, Role::Owner] {
            // Whoever may, may end what others ask for.
            let ids = PathIds::new(&app, HOME).await;
            let browser = app.signed_in(HOME, role).await;
            let (status, location, html) = ask(&browser, rule, &ids.fill(path, None)).await;
            if role >= Role::parse(needs).unwrap() {
                let fine = [200, 303, 400, 409, 415, 422].contains(&status) && !location.contains("sign-in");
                assert!(fine, "{method} {path} by {role}: {status} {location} {html}");
            } else {
                assert_eq!(status, 403, "{method} {path} by {role}");
                assert!(
                    html.contains(&format!("needs the role {needs}")),
                    "{method} {path} by {role}: {html}"
                );
            }
        }
    }
});

story!(no_form_is_taken_from_another_website_or_without_its_token, |app| {
    let ids = PathIds::new(&app, HOME).await;
    let owner = app.signed_in(HOME, Role::Owner).await;
    let other = app.signed_in(HOME, Role::Owner).await;
    let (cookie, token, borrowed) = (owner.cookie(), owner.form_token().await, other.form_token().await);
    for rule in console_rules().iter().filter(|rule| rule.method == "POST") {
        let path = ids.fill(&rule.path, None);
        for origin in [Some("https://evil.test"), Some("null"), Some("https://embed.test.evil.test"), None] {
            let browser = app.browser().on_a_page_of(origin);
            browser.keep(cookie.clone());
            let seen = browser.post_bare(&path, &[("form", &token)]).await;
            assert_eq!(seen.status, 403, "{path} from {origin:?}");
            assert!(
                seen.html.contains("the console accepts forms from its own pages"),
                "{path}: {}",
                seen.html
            );
        }
        if rule.needs == "nobody" {
            continue;
        }
        for wrong in ["", "0", &borrowed, &token[..63]] {
            let seen = owner.post_bare(&path, &[("form", wrong)]).await;
            // An upload is no such form at all.
            assert!([403, 415].contains(&seen.status), "{path} with {wrong:?}: {}", seen.status);
            let known = ["belongs to another session", "must be sent as"]
                .iter()
                .any(|words| seen.html.contains(words));
            assert!(known, "{path}: {}", seen.html);
        }
    }
    let sites = embed_core::sites::Sites::new(&app.context).list(HOME).await.unwrap();
    assert_eq!(sites.len(), 1, "nothing was changed");
    assert_eq!(owner.get("/console/account").await.status, 200, "and nobody was signed out");
});

story!(an_id_of_another_tenant_leads_nowhere, |app| {
    let owner = app.signed_in(HOME, Role::Owner).await;
    let elsewhere = app.another_organization().await;
    let (ours, own_other) = (PathIds::new(&app, HOME).await, PathIds::new(&app, HOME).await);
    let theirs = PathIds::new(&app, elsewhere).await;
    for rule in console_rules() {
        for name in
            ["organization", "site", "module", "domain", "token", "client", "grant", "person", "session"]
        {
            if !rule.path.contains(&format!("{{{name}}}")) || rule.needs == "nobody" {
                continue;
            }
            let mut wrong =
                vec![theirs.0[name].clone(), Uuid::now_v7().to_string(), "shop".into(), "%00".into()];
            if !["organization", "site", "person", "session"].contains(&name) {
                wrong.push(own_other.0[name].clone());
            }
            for wrong in wrong {
                let path = ours.fill(&rule.path, Some((name, &wrong)));
                let (status, _, html) = ask(&owner, &rule, &path).await;
                assert_eq!(status, 404, "{} {path}: {html}", rule.method);
            }
        }
    }
    // In bodies too.
    let site = &ours.0["site"];
    let fields = [("name", "x"), ("module", &*theirs.0["module"]), ("read", "on"), ("rate_limit", "1")];
    let seen = owner.post(&format!("/console/sites/{site}/tokens"), &fields).await;
    assert_eq!(seen.status, 404, "{}", seen.html);
    let there = embed_core::sites::Sites::new(&app.context).list(elsewhere).await.unwrap();
    assert_eq!(there.len(), 1, "nothing was changed");
});

story!(every_page_forbids_what_it_does_not_need, |app| {
    let ids = PathIds::new(&app, HOME).await;
    let owner = app.signed_in(HOME, Role::Owner).await;
    for rule in console_rules().iter().filter(|rule| rule.method == "GET") {
        let seen = owner.send(owner.request(Method::GET, &ids.fill(&rule.path, None))).await;
        let policy = seen.headers["content-security-policy"].to_str().unwrap();
        // Without a module host the files of tenants have this origin, too, so it is not trusted as a whole.
        let file = |directive: &str, attribute: &str| {
            let (_, rest) = seen.html.split_once(&format!("{attribute}=\"")).unwrap_or_default();
            format!("{directive} https://embed.test{}", rest.split('"').next().unwrap_or_default())
        };
        if seen.status == 303 {
            continue;
        }
        // On the way from an app and back, browsers would hold both against the app.
        let leads_to_app = rule.path.starts_with("/oauth/") || rule.needs == "nobody";
        assert_ne!(policy.contains("form-action 'self'"), leads_to_app, "{}: {policy}", rule.path);
        let keeps_opener = !seen.headers.contains_key("cross-origin-opener-policy");
        assert_eq!(keeps_opener, leads_to_app, "{}", rule.path);
        for directive in [
            "default-src 'none'",
            &*file("script-src", "defer src"),
            &*file("style-src", "stylesheet\" href"),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|known| known == directive), "{}: {policy}", rule.path);
        }
        assert!(!policy.contains("unsafe"), "{}: {policy}", rule.path);
        assert_eq!(seen.headers["cache-control"], "no-store", "{}", rule.path);
        assert_eq!(seen.headers["referrer-policy"], "same-origin", "{}", rule.path);
        // The policy would stop them anyway; a page that has one does not work.
        for inline in [" style=", "<style", "<script>", " onclick=", "javascript:"] {
            assert!(!seen.html.contains(inline), "{}: {inline}", rule.path);
        }
        assert!(seen.html.len() < 50 * 1024, "{} has {} bytes", rule.path, seen.html.len());
    }
});
