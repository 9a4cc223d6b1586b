//! `embed-server doctor` says what to fix, and fails where something must be.

use crate::app::TestApp;
use embed_testing::Database;
use embed_testing::{Redis, free_port};
use serde_json::Value;

// The name server lives in the test's process, and `command` blocks: hence more than one thread.

/// The doctor's verdict, and what it found by name.
fn ask(app: &TestApp) -> (bool, Value) {
    let output = app.command(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings["ok"], output.status.success());
    let named = findings["checks"].as_array().unwrap().iter();
    let named = named.map(|check| (check["name"].as_str().unwrap().to_owned(), check.clone()));
    (output.status.success(), named.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_is_right_and_what_to_fix() {
    let more = [("EMBED_MODULE_HOST", "*.modules.embed.test")];
    let app = TestApp::start_with(Database::sqlite(), &more).await;
    let (well, checks) = ask(&app);
    assert!(!well, "modules and server share a registrable domain: {checks}");
    for name in ["settings", "database", "storage", "clock", "bundle"] {
        assert_eq!(checks[name]["status"], "ok", "{checks}");
    }
    assert_eq!(checks["clock"]["section"], "Database");
    assert_eq!(checks["proxies"]["status"], "fix");
    let told = checks["proxies"]["detail"].as_str().unwrap();
    assert!(told.contains("EMBED_TRUSTED_PROXIES is not set, so all visitors share the limits"), "{told}");
    assert_eq!(checks["module host"]["section"], "Server");
    assert_eq!(checks["module host"]["status"], "fix");
    let told = checks["module host"]["detail"].as_str().unwrap();
    assert!(told.contains("give modules a separate domain"), "{told}");
    assert_eq!(checks["public url"]["status"], "fix");
    let told = checks["public url"]["detail"].as_str().unwrap();
    assert!(told.contains("embed.test does not resolve: publish a DNS record"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn development_mode_on_an_https_server_must_be_fixed() {
    let local = [
        ("EMBED_DEV", "1"),
        ("EMBED_PUBLIC_URL", "http://localhost:8080"),
        ("EMBED_MODULE_HOST", "*.localhost:8080"),
    ];
    let app = TestApp::start_with(Database::sqlite(), &local).await;
    assert_eq!(ask(&app).1["development"]["status"], "note");
    let printed = String::from_utf8(app.command(&["doctor"]).stdout).unwrap();
    assert!(printed.trim_end().ends_with("Nothing has to be fixed."), "{printed}");

    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_DEV", "1")]).await;
    let (well, checks) = ask(&app);
    assert!(!well, "{checks}");
    assert_eq!(checks["development"]["status"], "fix");
    let told = checks["development"]["detail"].as_str().unwrap();
    assert!(told.contains("Unset EMBED_DEV"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_separate_domain_for_modules_is_right() {
    let more = [("EMBED_PUBLIC_URL", "https://embed.example.test"), ("EMBED_MODULE_HOST", "*.modules.test")];
    let app = TestApp::start_with(Database::sqlite(), &more).await;
    // The host of some module, which a wildcard record would answer for.
    app.names.point("00000000-0000-0000-0000-000000000000.modules.test", &["192.0.2.1"]).await;
    let (_, checks) = ask(&app);
    assert_eq!(checks["module host"]["status"], "ok", "{checks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_and_settings_that_are_wrong_must_be_fixed() {
    let app = TestApp::start(Database::sqlite()).await;
    let doctor = |name: &str, value: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_embed-server"));
        command.arg("doctor").env_clear().envs(app.environment()).env(name, value).output().unwrap()
    };
    for (name, value, told) in [
        ("EMBED_SECRET_KEY", "", "fix   settings     EMBED_SECRET_KEY is not set"),
        ("EMBED_LISTEN", "nowhere", "Server\n  fix   settings     EMBED_LISTEN is `nowhere`"),
        ("EMBED_MAIL_FORM", "x", "Mail\n  fix   settings     EMBED_MAIL_FORM is not a setting"),
        (
            "EMBED_BUNDLE_DIR",
            "/nowhere",
            "fix   bundle       The bundle in EMBED_BUNDLE_DIR, /nowhere, cannot be read",
        ),
        ("DATABASE_URL", "sqlite:///proc/version", "fix   database     "),
    ] {
        let output = doctor(name, value);
        assert!(!output.status.success(), "{name}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(told), "{name}: {printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_found() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let app = TestApp::start_with(Database::sqlite(), &[("REDIS_URL", &url)]).await;
    let (_, checks) = ask(&app);
    assert_eq!(checks["redis"]["status"], "fix", "{checks}");
    if let Some(redis) = Redis::start().await {
        let app = TestApp::start_with(Database::sqlite(), &[("REDIS_URL", &redis.url)]).await;
        assert_eq!(ask(&app).1["redis"]["status"], "ok");
    }
}
