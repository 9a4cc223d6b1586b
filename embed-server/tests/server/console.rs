//! The console's pages: what they change, what they say about what is wrong, and that every change is noted.

use crate::app::TestApp;
use crate::browser::{Browser, Seen};
use crate::people::HOME;
use crate::story;
use embed_base::http::Paging;
use embed_core::accounts::Role;
use embed_core::activity::Activity;
use embed_core::sites::Sites;
use std::io::Write;
use uuid::Uuid;

/// A bundle as a zip file.
fn bundle(manifest: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in [("module.json", manifest), ("index.html", "<!doctype html><title>Hello</title>")]
    {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// What was noted in the organization, newest first: what was done, to what, by what means.
async fn noted(app: &TestApp) -> Vec<(String, String, String)> {
    let page = Activity::new(&app.context)
        .organization_page(HOME, &Paging::new(Some(200), None).unwrap())
        .await
        .unwrap();
    page.data.into_iter().map(|done| (done.action, done.subject, done.means)).collect()
}

/// The newest entry is this one.
async fn newest(app: &TestApp, action: &str, subject: &str) {
    let noted = noted(app).await;
    assert_eq!(noted[0], (action.to_owned(), subject.to_owned(), "console".to_owned()));
}

/// Where an answer leads, without the notice.
fn next(seen: &Seen) -> String {
    assert_eq!(seen.status, 303, "{}", seen.html);
    seen.location().split('?').next().unwrap().to_owned()
}

async fn new_site(app: &TestApp, browser: &Browser<'_>) -> Uuid {
    let seen = browser.post(&format!("/console/organizations/{HOME}/sites"), &[("name", "Shop")]).await;
    app.settle().await;
    next(&seen).rsplit('/').next().unwrap().parse().unwrap()
}

/// A manifest with two collections.
const FORM: &str = r#"{"name": "Form", "version": "1.0.0", "collections": {"answers": {}, "notes": {}}}"#;

story!(a_site_a_module_a_domain_and_a_token_are_managed_from_their_pages, |app| {
    let owner = app.signed_in(HOME, Role::Owner).await;
    let site = new_site(&app, &owner).await;
    newest(&app, "site.created", "Shop").await;
    let here = format!("/console/sites/{site}");
    assert!(owner.get(&format!("{here}?done=created")).await.html.contains("This site has no modules yet."));
    owner.post(&format!("{here}/settings"), &[("name", " Shop & Sons ")]).await;
    newest(&app, "site.renamed", "Shop & Sons").await;
    assert!(owner.get(&here).await.html.contains("Shop &amp; Sons"));

    let published = owner.upload(&format!("{here}/modules"), &bundle(FORM)).await;
    newest(&app, "module.published", "Form 1.0.0").await;
    let module = next(&published);
    owner.upload(&format!("{module}/versions"), &bundle(r#"{"name": "Form", "version": "1.1.0"}"#)).await;
    newest(&app, "module.published", "Form 1.1.0").await;
    owner.post(&format!("{module}/roll-back"), &[("version", "1.0.0")]).await;
    newest(&app, "module.rolled_back", "Form 1.0.0").await;
    app.settle().await;
    let page = owner.get(&module).await.html;
    let id = module.rsplit('/').next().unwrap();
    for part in [
        format!("data-dramac-embed=&quot;{id}&quot; data-site-id=&quot;{site}&quot;"),
        format!("&lt;dramac-embed module=&quot;{id}&quot; site=&quot;{site}&quot;"),
        "https://embed.test/v1/embed.js".to_owned(),
        "from '@dramac/embed'".to_owned(),
        format!("src=\"https://{id}.modules.test/embed/{id}/~preview."),
    ] {
        assert!(page.contains(&part), "{part} is not in {page}");
    }

    let domains = format!("{module}/domains");
    let fields = [("domain", "https://Shop.test/"), ("embed", "on"), ("inline", "on"), ("rate_limit", "77")];
    let domain = next(&owner.post(&domains, &fields).await);
    newest(&app, "domain.added", "shop.test").await;
    let activity = owner.get(&format!("/console/organizations/{HOME}/activity")).await.html;
    assert!(activity.contains(&format!(" in <a href=\"{here}\">")), "it says at which site: {activity}");
    let page = owner.get(&domain).await.html;
    assert!(page.contains("_dramac-verify.shop.test") && page.contains("waiting for the proof"), "{page}");
    let failed = owner.post(&format!("{domain}/verify"), &[]).await;
    assert_eq!(failed.location(), format!("{domain}?done=not-verified"));
    let page = owner.get(failed.location()).await.html;
    assert!(page.contains("<p class=\"complaint\" role=\"alert\">The proof was not found"), "{page}");
    assert!(page.contains("The last check found no proof:"), "{page}");
    assert!(page.contains("TXT record") && page.contains("The other proof was not found either"), "{page}");
    let found = app.domains().list(site, id.parse().unwrap()).await.unwrap().remove(0);
    assert_eq!((found.allow_embed, found.allow_api, found.rate_limit), (true, false, 77));
    app.prove(&found).await;
    let verified = owner.post(&format!("{domain}/verify"), &[]).await;
    assert_eq!(verified.location(), format!("{domain}?done=verified"));
    newest(&app, "domain.verified", "shop.test").await;
    owner.post(&domain, &[("api", "on"), ("popup", "on"), ("rate_limit", "5")]).await;
    newest(&app, "domain.changed", "shop.test").await;
    let found = app.domains().list(site, id.parse().unwrap()).await.unwrap().remove(0);
    assert_eq!((found.allow_embed, found.allow_api, found.rate_limit), (false, true, 5));
    assert_eq!(found.embed_types.0, [embed_protocol::EmbedType::Popup]);

    let tokens = format!("{here}/tokens");
    let fields = [
        ("name", "Mailer"),
        ("module", id),
        ("read", "on"),
        ("write", "on"),
        ("collections", "answers, notes"),
        ("rate_limit", "9"),
        ("days", "30"),
        ("allowed_ips", "192.0.2.0/24, ::1"),
    ];
    let made = owner.post(&tokens, &fields).await;
    assert_eq!((made.status, made.location()), (303, &*tokens), "to load the next page again makes no other");
    let secret = owner.get(&tokens).await.secret("dram_live_");
    newest(&app, "token.created", "Mailer").await;
    let listed = owner.get(&tokens).await.html;
    assert!(listed.contains(&secret[..18]) && !listed.contains(&secret), "it is shown once");
    let token = listed.split("/tokens/").nth(1).unwrap().split_once('"').unwrap().0;
    let token = format!("{tokens}/{token}");
    let page = owner.get(&token).await.html;
    assert!(page.contains("192.0.2.0/24, ::1/128"));
    let scopes = "read:answers, read:notes, write:answers, write:notes";
    assert!(page.contains(scopes) && listed.contains(scopes), "{page}");
    owner.post(&format!("{token}/rotate"), &[]).await;
    newest(&app, "token.rotated", "Mailer").await;
    assert_eq!(next(&owner.post(&format!("{token}/revoke"), &[]).await), token);
    newest(&app, "token.revoked", "Mailer").await;

    assert_eq!(next(&owner.post(&format!("{domain}/remove"), &[]).await), domains);
    newest(&app, "domain.removed", "shop.test").await;
    owner.post(&format!("{module}/unpublish"), &[]).await;
    newest(&app, "module.unpublished", "Form").await;
    assert!(owner.get(&here).await.html.contains("unpublished"));
    assert!(
        owner.get(&format!("{here}/delete")).await.html.contains("Delete “Shop &amp; Sons”?"),
        "it names the thing"
    );
    owner.post(&format!("{here}/delete"), &[]).await;
    newest(&app, "site.deleted", "Shop & Sons").await;
    assert_eq!(owner.get(&here).await.status, 404);
});

story!(people_and_their_roles_are_managed_from_their_page, |app| {
    let owner = app.signed_in(HOME, Role::Owner).await;
    let people = format!("/console/organizations/{HOME}/people");
    owner.post(&people, &[("email", "Bob@example.com"), ("name", "Bob"), ("role", "member")]).await;
    newest(&app, "member.invited", "bob@example.com").await;
    let page = owner.get(&people).await.html;
    let row = page.split("<tr>").find(|row| row.contains("bob@example.com")).unwrap();
    let bob = row.split_once("/people/").unwrap().1.split_once('/').unwrap().0.to_owned();
    owner.post(&format!("{people}/{bob}/role"), &[("role", "admin")]).await;
    newest(&app, "member.role_changed", "bob@example.com").await;
    let again = owner.post(&people, &[("email", "bob@example.com"), ("role", "member")]).await;
    assert_eq!((again.status, again.html.contains("is already a member")), (409, true));
    assert!(owner.get(&format!("{people}/{bob}/remove")).await.html.contains("Remove bob@example.com?"));
    owner.post(&format!("{people}/{bob}/remove"), &[]).await;
    newest(&app, "member.removed", "bob@example.com").await;
    let leave = owner.post(&format!("/console/organizations/{HOME}/leave"), &[]).await;
    assert_eq!((leave.status, leave.html.contains("is the last owner")), (409, true), "{}", leave.html);
    owner.post(&format!("/console/organizations/{HOME}/name"), &[("name", "Acme")]).await;
    newest(&app, "organization.renamed", "Acme").await;

    let made = owner.post("/console/account/tokens", &[("name", "My backup"), ("days", "30")]).await;
    assert_eq!((made.status, made.location()), (303, "/console/account"));
    assert!(!owner.get(&people).await.html.contains("dram_user_"), "it waits for its own page");
    let secret = owner.get("/console/account").await.secret("dram_user_");
    app.settle().await;
    assert_eq!(app.get("/api/v1/sites").bearer_auth(&secret).send().await.unwrap().status(), 200);
    let account = owner.get("/console/account").await.html;
    assert!(!account.contains(&secret), "it is shown once");
    let revoke = account.split("href=\"").find(|rest| rest.contains("/tokens/")).unwrap();
    let revoke = revoke.split_once('"').unwrap().0;
    assert!(owner.get(revoke).await.html.contains("Revoke “My backup”?"), "it names the thing");
    owner.post(revoke, &[]).await;
    app.settle().await;
    assert_eq!(app.get("/api/v1/sites").bearer_auth(&secret).send().await.unwrap().status(), 401);
});

story!(what_is_wrong_with_a_form_is_said_beside_it_and_nothing_is_lost_or_changed, |app| {
    let owner = app.signed_in(HOME, Role::Owner).await;
    let site = new_site(&app, &owner).await;
    let module = app.module(site, "feedback").await;
    let before = noted(&app).await;
    let (here, long) = (format!("/console/sites/{site}"), "x".repeat(10_000));
    let sites = format!("/console/organizations/{HOME}/sites");
    let (people, domains) =
        (format!("/console/organizations/{HOME}/people"), format!("{here}/modules/{module}/domains"));
    let (tokens, apps) = (format!("{here}/tokens"), format!("{here}/modules/{module}/apps"));
    let module = module.to_string();
    let script = "<script>alert(1)</script>";
    for (path, fields, status, said) in [
        (&sites, vec![("name", "")], 400, "A site's name must be 1 to 200 characters"),
        (&sites, vec![("name", &*long)], 400, "A site's name must be 1 to 200 characters"),
        (&format!("{here}/settings"), vec![("name", "two\nlines")], 400, "in one line"),
        (&people, vec![("email", script), ("role", "member")], 400, "is not an email address"),
        (&people, vec![("email", "x@example.com"), ("role", "root")], 400, "<code>root</code> is not a role"),
        (
            &people,
            vec![("email", "x@example.com"), ("name", &*long), ("role", "member")],
            400,
            "1 to 200 characters",
        ),
        (&domains, vec![("domain", "*.com"), ("rate_limit", "1")], 400, "This domain cannot be allowed"),
        (&domains, vec![("domain", script), ("rate_limit", "1")], 400, "This domain cannot be allowed"),
        (&domains, vec![("domain", "a.test"), ("rate_limit", "0")], 400, "at least 1"),
        (&domains, vec![("domain", "a.test"), ("rate_limit", "many")], 400, "at least 1"),
        (&tokens, vec![("name", "x"), ("module", &*module), ("rate_limit", "1")], 400, "could do nothing"),
        (
            &tokens,
            vec![("name", &*long), ("module", &*module), ("read", "on"), ("rate_limit", "1")],
            400,
            "1 to 200 characters",
        ),
        (
            &tokens,
            vec![
                ("name", "x"),
                ("module", &*module),
                ("read", "on"),
                ("collections", "Answers"),
                ("rate_limit", "1"),
            ],
            400,
            "<code>Answers</code> is not the name of a collection",
        ),
        (
            &tokens,
            vec![
                ("name", "x"),
                ("module", &*module),
                ("read", "on"),
                ("collections", "answers"),
                ("rate_limit", "1"),
            ],
            400,
            "has no collection <code>answers</code>; its module.json declares none.",
        ),
        (
            &tokens,
            vec![("name", "x"), ("module", "one"), ("read", "on"), ("rate_limit", "1")],
            400,
            "Choose the module",
        ),
        (
            &tokens,
            vec![("name", "x"), ("module", &*module), ("read", "on"), ("rate_limit", "1"), ("days", "-1")],
            400,
            "1 to 3650 days",
        ),
        (
            &tokens,
            vec![
                ("name", "x"),
                ("module", &*module),
                ("read", "on"),
                ("rate_limit", "1"),
                ("allowed_ips", "300.1.1.1"),
            ],
            400,
            "300.1.1.1",
        ),
        (
            &apps,
            vec![("name", "x"), ("redirect_uris", "https://a.test")],
            400,
            "<code>scopes</code> is empty",
        ),
        (
            &apps,
            vec![("name", "x"), ("redirect_uris", "http://a.test"), ("scope read", "on")],
            400,
            "uses http; only https",
        ),
        (
            &apps,
            vec![("name", "x"), ("redirect_uris", "a.test:/cb"), ("scope read", "on")],
            400,
            "is for public clients only",
        ),
        (
            &apps,
            vec![("name", "x"), ("redirect_uris", "https://a.test"), ("scope read:notes", "on")],
            400,
            "has no collection <code>notes</code>",
        ),
        (
            &apps,
            vec![("name", &*long), ("redirect_uris", "https://a.test"), ("scope read", "on")],
            400,
            "1 to 200 characters",
        ),
    ] {
        let seen = owner.post(path, &fields).await;
        assert_eq!((seen.status, seen.html.contains(said)), (status, true), "{path} {said}: {}", seen.html);
        assert!(!seen.html.contains(script), "{path}: text is never markup");
        let typed = fields[0].1.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(seen.html.contains(&format!("value=\"{typed}\"")), "{path}: what was typed is still there");
    }
    assert_eq!(noted(&app).await, before, "nothing was changed");

    // A name that looks like markup is a name.
    owner.post(&sites, &[("name", script)]).await;
    let page = owner.get(&sites).await.html;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains(script));
});

story!(an_upload_that_is_no_bundle_is_told_why, |app| {
    let admin = app.signed_in(HOME, Role::Admin).await;
    let site = new_site(&app, &admin).await;
    let modules = format!("/console/sites/{site}/modules");
    for (file, status, said) in [
        (&b"not a zip file"[..], 422, "zip"),
        (b"", 400, "The file is empty"),
        (&bundle("{}"), 422, "name"),
        (&bundle("{"), 422, "module.json"),
    ] {
        let seen = admin.upload(&modules, file).await;
        assert_eq!((seen.status, seen.html.contains(said)), (status, true), "{said}: {}", seen.html);
    }
    assert!(embed_core::modules::Modules::new(&app.context).unwrap().list(site).await.unwrap().is_empty());
    let twice = bundle(r#"{"name": "Form", "version": "1.0.0"}"#);
    let first = admin.upload(&modules, &twice).await;
    app.settle().await;
    assert!(admin.upload(&modules, &twice).await.location().ends_with("?done=unchanged"));
    let other = bundle(r#"{"name": "Form", "version": "1.0.0", "embedTypes": ["popup"]}"#);
    let seen = admin.upload(&format!("{}/versions", next(&first)), &other).await;
    assert_eq!((seen.status, seen.html.contains("Raise <code>version</code>")), (409, true), "{}", seen.html);
});

story!(the_console_alone_may_look_at_a_module_and_only_for_an_hour, |app| {
    let member = app.signed_in(HOME, Role::Member).await;
    let site = app.site().await;
    let (module, other) = (app.module(site, "feedback").await, app.module(site, "chat").await);
    let page = member.get(&format!("/console/sites/{site}/modules/{module}")).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("frame-src https://{module}.modules.test;")), "{policy}");
    let (_, rest) = page.html.split_once("<iframe class=\"preview\" src=\"https://").unwrap();
    let address = rest.split_once('"').unwrap().0;
    let (_, path) = address.split_once('/').unwrap();
    let ancestors = async |module: Uuid, path: &str| {
        let answer = app.module_get(module, &format!("/{path}")).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        policy.split(';').next().unwrap().to_owned()
    };
    assert_eq!(ancestors(module, path).await, "frame-ancestors https://embed.test 'self'");
    // What is not signed for this module, or was changed, opens nothing.
    let borrowed = path.replace(&module.to_string(), &other.to_string());
    assert_eq!(ancestors(other, &borrowed).await, "frame-ancestors 'none'");
    for (from, to) in [("~auto", "0~auto"), ("~embed.test", "~evil.test"), ("https~", "http~")] {
        let changed = path.replace(from, to);
        assert_ne!(changed, path);
        assert_eq!(ancestors(module, &changed).await, "frame-ancestors 'none'", "{changed}");
    }
    app.context.clock.advance(chrono::TimeDelta::hours(1));
    assert_eq!(ancestors(module, path).await, "frame-ancestors 'none'");
});

story!(what_is_counted_is_seen_on_the_overview_and_in_the_log, |app| {
    let member = app.signed_in(HOME, Role::Member).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "shop.test").await;
    assert_eq!(app.verdict("https://shop.test", site, module).await, "allowed");
    assert_eq!(app.verdict("https://evil.test", site, module).await, "origin_not_allowed");
    let overview = format!("/console/organizations/{HOME}");
    let patience = std::time::Duration::from_secs(10);
    embed_testing::until("the views to be counted", patience, async || {
        let page = member.get(&overview).await.html;
        page.contains("Embeds shown, last 24 hours: 1") && page.contains("Blocked, last 24 hours: 1")
    })
    .await;
    let log = format!("/console/sites/{site}/requests");
    let page = member.get(&log).await.html;
    assert!(page.contains("https://shop.test") && page.contains("https://evil.test"), "{page}");

    let token = app.token(site, module, serde_json::json!({ "scopes": ["read"] })).await;
    app.get(&format!("/api/v1/modules/{module}/records/nothing")).bearer_auth(&token).send().await.unwrap();
    let path = format!("/api/v1/modules/{module}/records/nothing");
    embed_testing::until("the call to be logged", patience, async || {
        member.get(&log).await.html.contains(&path)
    })
    .await;
    for (query, shown) in [
        ("status=4xx", true),
        ("status=404", true),
        ("status=200", false),
        ("method=POST", false),
        ("origin=https://x.test", false),
    ] {
        let page = member.get(&format!("{log}?{query}")).await;
        assert_eq!((page.status, page.html.contains(&path)), (200, shown), "{query}");
    }
    let wrong = member.get(&format!("{log}?status=often")).await;
    assert_eq!(
        (wrong.status, wrong.html.contains("expected a status such as 404")),
        (400, true),
        "{}",
        wrong.html
    );
});

story!(whoever_is_in_several_organizations_goes_from_one_to_the_other, |app| {
    let made = app.command_json(&["org", "create", "Second"]);
    let second = made["id"].as_str().unwrap().to_owned();
    let email = embed_core::accounts::Email::parse("ada@example.com").unwrap();
    app.command_json(&["user", "invite", "ada@example.com", "--owner", "--org", &HOME.to_string()]);
    app.command_json(&["user", "invite", "ada@example.com", "--member", "--org", &second]);
    let ada = app.signed_in_as(&email).await;
    let page = ada.get(&format!("/console/organizations/{HOME}")).await.html;
    assert!(
        page.contains("<details class=\"switcher\">")
            && page.contains(&format!("/console/organizations/{second}")),
        "{page}"
    );
    let theirs = ada.get(&format!("/console/organizations/{second}/people")).await.html;
    assert!(
        theirs.contains("ada@example.com") && !theirs.contains("Invite someone"),
        "a member looks: {theirs}"
    );
    assert_eq!(app.command_json(&["org", "rename", &second, "Third"])["name"], "Third");
    assert_eq!(app.command_json(&["org", "list"])["data"][1]["name"], "Third");
    let sites = Sites::new(&app.context).list(second.parse().unwrap()).await.unwrap();
    assert!(sites.is_empty());
});
