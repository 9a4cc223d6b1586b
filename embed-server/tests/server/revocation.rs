//! What the command line changes, a running server sees.

use crate::story;
use embed_testing::until;
use std::time::Duration;

const TWO_SECONDS: Duration = Duration::from_secs(2);

story!(a_change_by_the_command_line_is_seen_within_two_seconds, |app| {
    let site = app.command_json(&["site", "create", "Shop"])["id"].as_str().unwrap().to_owned();
    let module = app.module(site.parse().unwrap(), "feedback").await.to_string();
    let at = ["--site", &site, "--module", &module];
    let added = app.command_json(&[&["domain", "add", "example.test"], &at[..]].concat());
    let id = added["id"].as_str().unwrap();
    let record = added["dns"]["name"].as_str().unwrap();
    assert_eq!(record, "_dramac-verify.example.test");
    let verdict =
        async || app.verdict("https://example.test", site.parse().unwrap(), module.parse().unwrap()).await;
    until("the pending domain to be seen", TWO_SECONDS, async || verdict().await == "domain_not_verified")
        .await;

    app.names.publish(record, &[added["dns"]["value"].as_str().unwrap()]).await;
    assert_eq!(app.command_json(&["domain", "verify", id])["verified"], true);
    until("the verified domain to be seen", TWO_SECONDS, async || verdict().await == "allowed").await;

    app.command_json(&[&["domain", "remove", "example.test"], &at[..]].concat());
    until("the removal to be seen", TWO_SECONDS, async || verdict().await == "origin_not_allowed").await;

    let asked = app.command(&["site", "delete", &site]);
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(!asked.status.success() && said.contains("its module") && said.contains("--yes"), "{said}");
    assert_eq!(verdict().await, "origin_not_allowed", "nothing is deleted by asking");
    app.command_json(&["site", "delete", &site, "--yes"]);
    until("the deletion to be seen", TWO_SECONDS, async || verdict().await == "site_not_found").await;
});

story!(commands_answer_bad_input_with_one_sentence, |app| {
    let site = app.site().await.to_string();
    let module = app.module(site.parse().unwrap(), "feedback").await.to_string();
    let unknown = "0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10";
    let long = "x".repeat(300);
    for (arguments, words) in [
        (vec!["site", "show", "shop"], "`shop` is not a site id"),
        (vec!["site", "show", unknown], "There is no site"),
        (vec!["site", "delete", unknown], "There is no site"),
        (vec!["site", "create", " "], "1 to 200 characters"),
        (vec!["site", "create", "Shop", "--org", unknown], "There is no organization"),
        (vec!["domain", "list", "--site", "a", "--module", "b"], "`a` is not a site id"),
        (vec!["domain", "verify", unknown], "There is no allowed domain"),
        (vec!["domain", "remove", "example.com"], "--site ID --module ID"),
        (vec!["domain", "add", "example.com", "--site", &site, "--module", unknown], "has no module"),
        (vec!["domain", "add", "example.com", "--site", unknown, "--module", &module], "There is no site"),
        (vec!["domain", "add", "*.co.uk", "--site", &site, "--module", &module], "public suffix"),
        (vec!["domain", "add", "192.0.2.1", "--site", &site, "--module", &module], "address"),
        (vec!["domain", "add", &long, "--site", &site, "--module", &module], "253"),
        (vec!["domain", "add", "localhost:8081", "--site", &site, "--module", &module], "EMBED_DEV=1"),
        (
            vec!["domain", "add", "example.com", "--site", &site, "--module", &module, "--types", "banner"],
            "widget, popup, inline",
        ),
    ] {
        let output = app.command(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(words) && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    }
    let list = app.command_json(&["domain", "list", "--site", &site, "--module", &module]);
    assert_eq!(list, serde_json::json!({ "data": [], "nextCursor": null }));
});
