//! The server calls hosts that strangers name, and cannot be made to call its own network.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, header},
    response::Redirect,
    routing::{get, post},
};
use embed_base::outbound::{Limits, Outbound, OutboundError};
use url::Url;

use embed_testing::{NameServer, WebServer};

const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1000, redirects: 3 };

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn is_inside<T: std::fmt::Debug>(result: Result<T, OutboundError>) -> bool {
    matches!(result.expect_err("the call was made"), OutboundError::Inside { .. })
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    let names = NameServer::start().await;
    let client = Outbound::new(names.resolver(), None).unwrap();
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        names.point("inside.test", &[address]).await;
        assert!(is_inside(client.get(url("https://inside.test/"), LIMITS).await), "{address} was called");
    }
    names.point("mixed.test", &["192.0.2.1", "10.0.0.1"]).await;
    assert!(is_inside(client.get(url("https://mixed.test/"), LIMITS).await));
}

#[tokio::test]
async fn an_address_in_the_url_is_refused_in_every_notation() {
    let names = NameServer::start().await;
    let client = Outbound::new(names.resolver(), None).unwrap();
    for text in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://0/",
    ] {
        assert!(is_inside(client.get(url(text), LIMITS).await), "{text} was called");
    }
}

#[tokio::test]
async fn only_https_is_spoken() {
    let names = NameServer::start().await;
    let client = Outbound::new(names.resolver(), None).unwrap();
    for text in ["http://example.test/", "ftp://example.test/", "file:///etc/passwd"] {
        let error = client.get(url(text), LIMITS).await.unwrap_err();
        assert!(matches!(error, OutboundError::NotHttps(_)), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    names.point("inside.test", &["10.0.0.1"]).await;
    let to = |target: &'static str| get(move || async move { Redirect::temporary(target) });
    let router = Router::new()
        .route("/name", to("https://inside.test/"))
        .route("/address", to("https://169.254.169.254/latest/meta-data/"))
        .route("/v6", to("https://[fd00::1]/"))
        .route("/http", to("http://example.test/"))
        .route("/loop", to("/loop"))
        .route("/lost", get(StatusCode::FOUND))
        .route("/there", to("/here"))
        .route("/here", get("arrived"));
    let server = WebServer::start(&["example.test"], router).await;
    let client = server.client(&names);
    let fetch = async |path: &str| client.get(url(&format!("https://example.test{path}")), LIMITS).await;
    for path in ["/name", "/address", "/v6"] {
        assert!(is_inside(fetch(path).await), "{path}");
    }
    assert!(matches!(fetch("/http").await.unwrap_err(), OutboundError::NotHttps(_)));
    assert!(matches!(fetch("/loop").await.unwrap_err(), OutboundError::TooManyRedirects { most: 3, .. }));
    assert!(matches!(fetch("/lost").await.unwrap_err(), OutboundError::LostRedirect(_)));
    assert_eq!(fetch("/there").await.unwrap().body(), "arrived");
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_at_the_second_connection_is_refused() {
    let names = Arc::new(NameServer::start().await);
    names.point("rebind.test", &["127.0.0.1"]).await;
    let mover = names.clone();
    let router = Router::new().route(
        "/",
        get(move || async move {
            mover.point("rebind.test", &["169.254.169.254"]).await;
            ([(header::CONNECTION, "close")], Redirect::temporary("https://rebind.test/again"))
        }),
    );
    let server = WebServer::start(&["rebind.test"], router).await;
    let answer = server.client(&names).get(url("https://rebind.test/"), LIMITS).await;
    assert!(is_inside(answer));
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    let server = WebServer::start(&["other.test"], Router::new()).await;
    let error = server.client(&names).get(url("https://example.test/"), LIMITS).await.unwrap_err();
    assert!(
        matches!(&error, OutboundError::Unreachable { reason, .. } if reason.contains("certificate")),
        "{error}"
    );
}

#[tokio::test]
async fn a_large_answer_is_cut_and_a_slow_one_given_up() {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    let router = Router::new()
        .route("/large", get(|| async { "x".repeat(1_000_000) }))
        .route("/slow", get(std::future::pending::<()>));
    let server = WebServer::start(&["example.test"], router).await;
    let client = server.client(&names);
    let large = client.get(url("https://example.test/large"), LIMITS).await.unwrap();
    assert_eq!(large.body().len(), LIMITS.bytes);
    let hurried = Limits { time: Duration::from_millis(200), ..LIMITS };
    let error = client.get(url("https://example.test/slow"), hurried).await.unwrap_err();
    assert!(matches!(error, OutboundError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_post_carries_its_headers_and_is_never_redirected() {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    let echo = |headers: HeaderMap, body: Bytes| async move {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        format!("{} {} {}", text("user-agent"), text("x-webhook-event"), body.len())
    };
    let router = Router::new()
        .route("/hook", post(echo))
        .route("/moved", post(|| async { Redirect::temporary("/hook") }));
    let server = WebServer::start(&["example.test"], router).await;
    let client = server.client(&names);
    let send = async |path: &str| {
        let headers = HeaderMap::from_iter([("x-webhook-event".parse().unwrap(), "test".parse().unwrap())]);
        let target = url(&format!("https://example.test{path}"));
        client.send(Method::POST, target, headers, Bytes::from_static(b"{}"), LIMITS).await.unwrap()
    };
    assert_eq!(send("/hook").await.body(), "DramacBot/1.0 test 2");
    assert_eq!(send("/moved").await.status(), StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    let names = NameServer::start().await;
    let client = Outbound::new(names.resolver(), None).unwrap();
    let error = client.get(url("https://nowhere.test/"), LIMITS).await.unwrap_err();
    assert_eq!(error.to_string(), "nowhere.test could not be resolved: DNS has no such record");
}
