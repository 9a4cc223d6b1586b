use super::*;
use std::path::Path;

fn load(environment: &[(&'static str, &str)]) -> Result<Settings> {
    Settings::from_environment(environment.iter().map(|&(name, value)| (name, value.to_owned())))
}

fn refusal(environment: &[(&'static str, &str)]) -> String {
    load(environment).err().expect("these settings are wrong").detail().to_owned()
}

#[test]
fn every_setting_has_a_default() {
    let settings = load(&[]).unwrap();
    let DatabaseUrl::Sqlite(file) = &settings.database.database_url else { panic!("SQLite is the default") };
    assert_eq!(file, Path::new("embed.db"));
    assert_eq!(settings.server.public_url, "http://localhost:8080");
    assert_eq!(settings.storage.storage_url, Path::new("embed-files"));
    assert_eq!(settings.mail.mail_from.to_string(), "embed@localhost");
}

#[test]
fn an_unknown_setting_stops_the_start_with_its_name_and_section() {
    assert_eq!(
        refusal(&[("EMBED_LISTENN", "0.0.0.0:80")]),
        "EMBED_LISTENN is not a setting. Did you mean EMBED_LISTEN (see “Server” in the README's table of settings)?"
    );
    let error = refusal(&[("EMBED_COLOUR", "red")]);
    assert!(error.starts_with("EMBED_COLOUR is not a setting. The settings are DATABASE_URL (Database), EMBED_LISTEN, EMBED_PUBLIC_URL, "), "{error}");
}

#[test]
fn a_wrong_value_says_what_was_expected_and_its_section() {
    for (name, value, expected, section) in [
        ("EMBED_LISTEN", "8080", "host:port", "Server"),
        ("EMBED_PUBLIC_URL", "embed.example.com", "a URL without a path", "Server"),
        ("EMBED_PUBLIC_URL", "https://example.com/embed", "a URL without a path", "Server"),
        ("EMBED_MODULE_HOST", "modules.example.com", "a host that begins with `*.`", "Server"),
        ("EMBED_MODULE_HOST", "*.", "a host that begins with `*.`", "Server"),
        ("EMBED_STORAGE_URL", "s3://bucket", "file:///", "Storage"),
        ("EMBED_DEV", "maybe", "1 or 0", "Server"),
        ("EMBED_VERIFY_LIMIT", "0", "a number of requests per minute", "Limits"),
        ("EMBED_REQUEST_DAYS", "0", "a number of days", "Logs"),
        ("EMBED_TRUSTED_PROXIES", "10.0.0.0/8;::1", "addresses and networks", "Server"),
        ("REDIS_URL", "localhost:6379", "redis://host:port", "Limits"),
        ("EMBED_DNS_SERVER", "one.one.one.one", "address:port", "Outbound"),
        ("DATABASE_URL", "mysql://localhost/x", "sqlite://FILE or postgres://", "Database"),
        ("SMTP_URL", "mail.example.com", "smtps://user:password@host", "Mail"),
        ("EMBED_MAIL_FROM", "embed", "an email address", "Mail"),
        ("EMBED_GITHUB_URL", "github", "a URL without a path", "Sign-in"),
        ("EMBED_GITHUB_API_URL", "github", "a URL, for example", "Sign-in"),
        ("RUST_LOG", "=;=", "a filter", "Logs"),
    ] {
        let error = refusal(&[(name, value)]);
        assert!(error.starts_with(&format!("{name} is `{value}`; expected {expected}")), "{error}");
        assert!(
            error.ends_with(&format!(" (see “{section}” in the README's table of settings).")),
            "{error}"
        );
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let error = refusal(&[("EMBED_LISTEN", "8080"), ("EMBED_DEV", "maybe"), ("EMBED_COLOUR", "red")]);
    for name in ["EMBED_LISTEN is `8080`", "EMBED_DEV is `maybe`", "EMBED_COLOUR is not a setting"] {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    for (name, value) in [("EMBED_SECRET_KEY", "hunter2"), ("DATABASE_URL", "mysql://u:hunter2@localhost/x")]
    {
        let error = refusal(&[(name, value)]);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.starts_with(&format!("{name} is not what was expected: ")), "{error}");
    }
}

#[test]
fn half_an_app_of_githubs_is_refused() {
    let error = refusal(&[("EMBED_GITHUB_CLIENT_ID", "x")]);
    assert!(error.contains("belong together"), "{error}");
}

#[test]
fn outside_development_there_is_no_default_secret() {
    let error = load(&[]).unwrap().require_secret().unwrap_err();
    assert!(error.detail().contains("openssl rand -base64 32"), "{error}");
    assert!(load(&[("EMBED_DEV", "1")]).unwrap().require_secret().is_ok());
}
