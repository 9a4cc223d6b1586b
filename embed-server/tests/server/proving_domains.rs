//! A domain is proved by the record or the tag of its owner, read from a real name server and a real https server.

use axum::{Router, http::StatusCode, response::Html, routing::get};
use embed_core::domains::{dns, meta, pattern::DomainPattern, proof::ProofError};
use proptest::prelude::*;

use embed_testing::{NameServer, WebServer};

const TOKEN: &str = "5e1f2a0c";

fn domain(text: &str) -> DomainPattern {
    DomainPattern::parse(text, false).unwrap()
}

#[tokio::test]
async fn a_record_with_the_token_proves_the_domain() {
    let names = NameServer::start().await;
    names.publish("_dramac-verify.example.test", &["v=spf1 -all"]).await;
    names.publish("_dramac-verify.example.test", &["dramac-site-veri", "fication=", TOKEN]).await;
    let resolver = names.resolver();
    dns::check(&resolver, &domain("example.test"), TOKEN).await.unwrap();
    dns::check(&resolver, &domain("*.example.test"), TOKEN).await.unwrap();
}

#[tokio::test]
async fn a_record_is_found_as_soon_as_it_is_published() {
    let names = NameServer::start().await;
    let resolver = names.resolver();
    let missing = dns::check(&resolver, &domain("example.test"), TOKEN).await.unwrap_err();
    assert!(matches!(missing, ProofError::NoRecord { .. }), "{missing}");
    assert!(missing.is_absence());
    names.publish("_dramac-verify.example.test", &[&dns::record_value(TOKEN)]).await;
    dns::check(&resolver, &domain("example.test"), TOKEN).await.unwrap();
}

#[tokio::test]
async fn another_token_is_named_as_such() {
    let names = NameServer::start().await;
    names.publish("_dramac-verify.example.test", &["dramac-site-verification=old"]).await;
    let error = dns::check(&names.resolver(), &domain("example.test"), TOKEN).await.unwrap_err();
    assert!(error.is_absence());
    assert!(
        error.to_string().contains(&format!("replace it with dramac-site-verification={TOKEN}")),
        "{error}"
    );
}

/// What is said of a record that is not as it should be.
async fn said_of(host: &str, name: &str, value: &str) -> String {
    let names = NameServer::start().await;
    names.publish(name, &[value]).await;
    let error = dns::check(&names.resolver(), &domain(host), TOKEN).await.unwrap_err();
    assert!(error.is_absence(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_record_that_is_nearly_right_is_named_with_its_mend() {
    let (name, value) = ("_dramac-verify.shop.example.test", "dramac-site-verification=5e1f2a0c");
    for (at, text, said) in [
        (
            name,
            &*format!("\"{value}\""),
            "has quotation marks in it: replace it with dramac-site-verification=5e1f2a0c, without any",
        ),
        (name, "dramac-site-verification=\"5e1f2a0c\"", "has quotation marks in it"),
        (name, "\u{201c}dramac-site-verification=5e1f2a0c\u{201d}", "has quotation marks in it"),
        (name, TOKEN, "is the token alone: replace it with dramac-site-verification=5e1f2a0c"),
        (name, "v=spf1 \u{1b}[31m-all", "are others (`v=spf1 \\u{1b}[31m-all`): add one more with the value"),
        (
            "shop.example.test",
            value,
            "is at shop.example.test instead of _dramac-verify.shop.example.test: move it to the name _dramac-verify.shop.example.test",
        ),
        (
            "_dramac-verify.shop.example.test.example.test",
            value,
            "appends example.test by itself, so enter _dramac-verify.shop as the record's name",
        ),
        (
            "_dramac-verify.shop.example.test.shop.example.test",
            value,
            "appends shop.example.test by itself, so enter _dramac-verify as the record's name",
        ),
        ("_dramac-verify.example.test", value, "is at _dramac-verify.example.test instead of"),
    ] {
        let told = said_of("shop.example.test", at, text).await;
        assert!(told.contains(said), "{at} {text:?}: {told}");
    }
}

#[tokio::test]
async fn an_answer_too_large_for_udp_is_read_by_tcp() {
    let names = NameServer::start().await;
    for number in 0..40 {
        names.publish("_dramac-verify.example.test", &[&format!("{number}{}", "x".repeat(200))]).await;
    }
    names.publish("_dramac-verify.example.test", &[&dns::record_value(TOKEN)]).await;
    dns::check(&names.resolver(), &domain("example.test"), TOKEN).await.unwrap();
}

#[tokio::test]
async fn a_name_server_that_refuses_says_nothing_about_the_proof() {
    let names = NameServer::start().await;
    let error = dns::check(&names.resolver(), &domain("example.org"), TOKEN).await.unwrap_err();
    assert!(matches!(error, ProofError::NotLookedUp { .. }), "{error}");
    assert!(!error.is_absence());
}

async fn check_page(page: &'static str) -> Result<(), ProofError> {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    let server = WebServer::start(&["example.test"], Router::new().route("/", get(Html(page)))).await;
    meta::check(&server.client(&names), &domain("example.test"), TOKEN).await
}

#[tokio::test]
async fn a_tag_with_the_token_proves_the_domain() {
    check_page("<!doctype html><html><head><title>Shop</title><meta name=\"dramac-site-verification\" content=\"5e1f2a0c\">")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_page_without_the_tag_or_with_another_token_proves_nothing() {
    let error = check_page("<p>Welcome").await.unwrap_err();
    assert!(matches!(error, ProofError::NoTag { .. }) && error.is_absence(), "{error}");
    let error = check_page("<meta name=dramac-site-verification content=other>").await.unwrap_err();
    assert!(matches!(error, ProofError::OtherTag { .. }) && error.is_absence(), "{error}");
}

#[tokio::test]
async fn a_page_that_fails_says_nothing_about_the_proof() {
    let names = NameServer::start().await;
    names.point("example.test", &["127.0.0.1"]).await;
    let router = Router::new().route("/", get(StatusCode::BAD_GATEWAY));
    let server = WebServer::start(&["example.test"], router).await;
    let client = server.client(&names);
    let error = meta::check(&client, &domain("example.test"), TOKEN).await.unwrap_err();
    assert!(error.to_string().contains("status 502") && !error.is_absence(), "{error}");
    let error = meta::check(&client, &domain("*.example.test"), TOKEN).await.unwrap_err();
    assert!(matches!(error, ProofError::WildcardNeedsDns), "{error}");
}

#[test]
fn the_tag_is_read_however_it_is_written() {
    for page in [
        "<meta name=\"dramac-site-verification\" content=\"abc\">",
        "<META CONTENT='abc' NAME='Dramac-Site-Verification' />",
        "<meta name = dramac-site-verification content = abc >",
        "\u{feff}<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8><link rel=icon href=x>\n<meta content=' abc '\nname=dramac-site-verification>",
        "<script>document.write('<body>')</script><style>body{}</style><meta name=dramac-site-verification content=abc>",
        "<title>a<body></title><meta name=dramac-site-verification content=abc>",
        "<!--<body>--><meta name=dramac-site-verification content=abc>",
    ] {
        assert_eq!(meta::tokens(page.as_bytes()), ["abc"], "{page}");
    }
}

#[test]
fn a_tag_that_is_not_in_the_head_is_not_believed() {
    for page in [
        "<!-- <meta name=dramac-site-verification content=abc> -->",
        "<script>'<meta name=dramac-site-verification content=abc>'</script>",
        "<title><meta name=dramac-site-verification content=abc></title>",
        "<style><meta name=dramac-site-verification content=abc></style>",
        "<template><meta name=dramac-site-verification content=abc></template>",
        "<body><meta name=dramac-site-verification content=abc>",
        "<p>A comment</p><meta name=dramac-site-verification content=abc>",
        "<meta name=\"x\" content=\"<meta name=dramac-site-verification content=abc>\">",
        "<meta property=dramac-site-verification content=abc>",
        "<meta name=not-dramac-site-verification content=abc>",
    ] {
        assert_eq!(meta::tokens(page.as_bytes()), [""; 0], "{page}");
    }
}

proptest! {
    #[test]
    fn arbitrary_pages_are_no_danger(page in prop::collection::vec(any::<u8>(), 0..2000)) {
        meta::tokens(&page);
    }

    #[test]
    fn arbitrary_html_is_no_danger(page in "(<[a-z!/-]{0,8}( [a-z]{0,4}(=['\"]?[a-z<>]{0,4}['\"]?)?){0,3}/?>?|.){0,60}") {
        meta::tokens(page.as_bytes());
    }

    #[test]
    fn a_tag_before_arbitrary_bytes_is_found(rest in prop::collection::vec(any::<u8>(), 0..500)) {
        let page = [meta::tag("abc").into_bytes(), rest].concat();
        prop_assert_eq!(&meta::tokens(&page)[0], "abc");
    }
}
