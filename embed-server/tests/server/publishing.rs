//! A bundle becomes a version, a version is what is served, and nothing in between is ever seen.

use crate::app::TestApp;
use crate::story;
use embed_base::Code;
use embed_base::Result;
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_core::modules::{Bundle, Modules, Publication};
use embed_testing::until;
use serde_json::json;
use sqlx::types::Json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// A bundle whose page says `text`.
fn bundle(version: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "module.json", &json!({ "name": "feedback", "version": version }).to_string());
    write(folder.path(), "index.html", &format!("<!doctype html><head><title>{text}</title>"));
    write(folder.path(), "js/app.js", &format!("say({text:?})"));
    folder
}

fn write(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

async fn publish(app: &TestApp, site: Uuid, folder: &TempDir) -> Result<Publication> {
    let publication = Modules::new(&app.context)?
        .publish(&Actor::CommandLine, site, None, Bundle::read(folder.path())?, |_, _| {})
        .await;
    app.settle().await;
    publication
}

/// What a module's document says, and the script of one of its versions.
async fn seen(app: &TestApp, module: Uuid) -> String {
    let document = app.module_get(module, &format!("/embed/{module}/~/")).send().await.unwrap();
    let document = document.text().await.unwrap();
    let title = document.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| "nothing".to_owned(), |(title, _)| title.to_owned())
}

async fn script(app: &TestApp, module: Uuid, version: &str) -> String {
    let path = format!("/embed/{module}/{version}/js/app.js");
    app.module_get(module, &path).send().await.unwrap().text().await.unwrap()
}

story!(a_module_keeps_its_id_over_its_versions, |app| {
    let site = app.site().await;
    let first = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap();
    assert_eq!(seen(&app, first.id).await, "one");
    let second = publish(&app, site, &bundle("1.1.0", "two")).await.unwrap();
    assert_eq!(second.id, first.id);
    assert_eq!(seen(&app, first.id).await, "two");
    assert_eq!(
        script(&app, first.id, "1.0.0").await,
        "say(\"one\")",
        "a page that has loaded keeps its files"
    );
    assert_eq!(script(&app, first.id, "1.1.0").await, "say(\"two\")");
    assert_eq!(app.events(site).await, ["module.published", "module.published"]);
});

story!(publishing_the_same_again_changes_nothing, |app| {
    let site = app.site().await;
    let folder = bundle("1.0.0", "one");
    let first = publish(&app, site, &folder).await.unwrap();
    let again = publish(&app, site, &folder).await.unwrap();
    assert!(first.changed && !again.changed);
    assert_eq!(again.id, first.id);
    assert_eq!(app.events(site).await, ["module.published"]);
});

story!(a_version_never_changes_its_content, |app| {
    let site = app.site().await;
    let first = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap();
    let error = publish(&app, site, &bundle("1.0.0", "other")).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.code()), (409, Code::VersionExists));
    assert!(error.detail().contains("Raise `version` in module.json"), "{error}");
    assert_eq!(seen(&app, first.id).await, "one");
});

story!(an_earlier_version_can_be_served_again, |app| {
    let site = app.site().await;
    let modules = Modules::new(&app.context).unwrap();
    let module = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap().id;
    publish(&app, site, &bundle("2.0.0", "two")).await.unwrap();
    assert_eq!(
        modules.roll_back(&Actor::CommandLine, site, module, "1.0.0").await.unwrap().version.as_deref(),
        Some("1.0.0")
    );
    app.settle().await;
    assert_eq!(seen(&app, module).await, "one");
    let error = modules.roll_back(&Actor::CommandLine, site, module, "3.0.0").await.unwrap_err();
    assert!(error.detail().contains("It has 2.0.0, 1.0.0."), "{error}");
    let forward = publish(&app, site, &bundle("2.0.0", "two")).await.unwrap();
    assert!(forward.changed, "publishing it again brings it back");
    assert_eq!(seen(&app, module).await, "two");
});

story!(an_unpublished_module_is_not_there_until_it_is_published_again, |app| {
    let site = app.site().await;
    let modules = Modules::new(&app.context).unwrap();
    let module = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap().id;
    modules.unpublish(&Actor::CommandLine, site, module).await.unwrap();
    app.settle().await;
    let document = app.module_get(module, &format!("/embed/{module}/~/")).send().await.unwrap();
    assert_eq!(document.status(), 404);
    assert_eq!(document.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    let file = app.module_get(module, &format!("/embed/{module}/1.0.0/js/app.js")).send().await.unwrap();
    assert_eq!(file.status(), 404);
    let again = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap();
    assert_eq!(again.id, module);
    assert_eq!(seen(&app, module).await, "one");
});

story!(a_module_can_be_named_by_its_id_and_renamed, |app| {
    let site = app.site().await;
    let modules = Modules::new(&app.context).unwrap();
    let module = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap().id;
    let renamed = bundle("1.1.0", "two");
    write(renamed.path(), "module.json", &json!({ "name": "opinions", "version": "1.1.0" }).to_string());
    let read = || Bundle::read(renamed.path()).unwrap();
    assert_eq!(
        modules.publish(&Actor::CommandLine, site, Some(module), read(), |_, _| {}).await.unwrap().id,
        module
    );
    assert_eq!(modules.find(site, module).await.unwrap().name, "opinions");
    let other = app.module(site, "feedback").await;
    let taken = bundle("3.0.0", "three");
    let error = modules
        .publish(&Actor::CommandLine, site, Some(module), Bundle::read(taken.path()).unwrap(), |_, _| {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::ModuleExists);
    assert_eq!(modules.find(site, other).await.unwrap().version.as_deref(), Some("1.0.0"));
});

story!(another_sites_module_can_be_neither_published_nor_looked_at, |app| {
    let (own, other) = (app.site().await, app.site().await);
    let modules = Modules::new(&app.context).unwrap();
    let theirs = publish(&app, other, &bundle("1.0.0", "theirs")).await.unwrap().id;
    let ours = Bundle::read(bundle("9.0.0", "ours").path()).unwrap();
    let error = modules.publish(&Actor::CommandLine, own, Some(theirs), ours, |_, _| {}).await.unwrap_err();
    assert_eq!(error.code(), Code::ModuleNotFound);
    assert_eq!(modules.find(own, theirs).await.unwrap_err().code(), Code::ModuleNotFound);
    assert_eq!(
        modules.roll_back(&Actor::CommandLine, own, theirs, "1.0.0").await.unwrap_err().code(),
        Code::ModuleNotFound
    );
    assert_eq!(
        modules.unpublish(&Actor::CommandLine, own, theirs).await.unwrap_err().code(),
        Code::ModuleNotFound
    );
    assert!(modules.versions(own, theirs).await.unwrap().is_empty());
    assert_eq!(seen(&app, theirs).await, "theirs");
});

story!(a_publisher_that_is_killed_leaves_the_old_version_serving, |app| {
    let site = app.site().await;
    let module = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap().id;
    // Enough work to be interrupted in its middle: every file is compressed before the next is.
    let large = bundle("2.0.0", "two");
    for number in 0..200_u64 {
        let words: String = (0..3_000).map(|word| format!("{:x} ", word * 7919 * (number + 1))).collect();
        write(large.path(), &format!("data/{number}.txt"), &words);
    }
    let before = stored(&app);
    let mut publisher = Command::new(env!("CARGO_BIN_EXE_embed-server"))
        .args(["module", "publish", large.path().to_str().unwrap(), "--site", &site.to_string()])
        .env_clear()
        .envs(app.environment())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the publisher had stored some of the files", Duration::from_secs(60), async || {
        stored(&app) > before + 2
    })
    .await;
    publisher.kill().unwrap();
    assert!(!publisher.wait().unwrap().success(), "it was killed before it was done");

    app.settle().await;
    assert_eq!(seen(&app, module).await, "one");
    let modules = Modules::new(&app.context).unwrap();
    assert_eq!(modules.versions(site, module).await.unwrap().len(), 1);
    assert_eq!(app.events(site).await, ["module.published"]);

    publish(&app, site, &bundle("2.0.0", "two")).await.unwrap();
    assert_eq!(seen(&app, module).await, "two", "and the next try finds nothing in its way");
});

story!(what_a_newer_server_has_published_is_served_and_cannot_be_published_here, |app| {
    let site = app.site().await;
    let module = publish(&app, site, &bundle("1.0.0", "one")).await.unwrap().id;
    let newer = json!({
        "name": "feedback", "version": "1.0.0", "payments": { "orders": {} },
        "collections": { "answers": { "schema": {}, "visitors": ["create", "read-own"] } },
    });
    let text = "UPDATE module_versions SET manifest = $1 WHERE site_id = $2";
    match app.context.db.begin_global().await.unwrap() {
        Tx::Sqlite(mut tx) => {
            sqlx::query(text).bind(Json(&newer)).bind(site).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        Tx::Postgres(mut tx) => {
            sqlx::query(text).bind(Json(&newer)).bind(site).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
    assert_eq!(seen(&app, module).await, "one");
    let rolled_back =
        app.command_json(&["module", "rollback", &module.to_string(), "1.0.0", "--site", &site.to_string()]);
    assert_eq!(rolled_back["version"], "1.0.0");

    let folder = bundle("1.0.0", "one");
    let same = publish(&app, site, &folder).await.unwrap_err();
    assert_eq!(same.code(), Code::VersionExists, "the version that is there says more");
    write(folder.path(), "module.json", &newer.to_string());
    let refused = publish(&app, site, &folder).await.unwrap_err();
    assert!(refused.detail().contains("unknown field `payments`"), "{refused}");
});

/// How many files are in the storage.
fn stored(app: &TestApp) -> usize {
    let folders = std::fs::read_dir(&app.context.settings.storage.storage_url).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).map_or(0, Iterator::count)).sum()
}

story!(the_command_line_publishes_while_the_server_runs, |app| {
    let site = app.site().await.to_string();
    let folder = bundle("1.0.0", "one");
    let published =
        app.command_json(&["module", "publish", folder.path().to_str().unwrap(), "--site", &site]);
    let id = published["id"].as_str().unwrap();
    assert_eq!(published["version"], "1.0.0");
    let module: Uuid = id.parse().unwrap();
    until("the server saw it within two seconds", Duration::from_secs(2), async || {
        seen(&app, module).await == "one"
    })
    .await;
    let listed = app.command_json(&["module", "list", "--site", &site]);
    assert_eq!(listed["data"][0]["name"], "feedback");
    let shown = app.command_json(&["module", "show", id, "--site", &site]);
    assert_eq!(shown["versions"][0]["files"], 2);
    let unpublished = app.command_json(&["module", "unpublish", id, "--site", &site]);
    assert!(unpublished["version"].is_null());
    let back = app.command_json(&["module", "rollback", id, "1.0.0", "--site", &site]);
    assert_eq!(back["version"], "1.0.0");
});
