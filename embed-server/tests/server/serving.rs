//! What a module's document and files say to browsers, on its own origin and, where there is none, sandboxed.

use crate::app::TestApp;
use crate::story;
use embed_base::Code;
use embed_base::events::activity::Actor;
use embed_core::domains::DomainChanges;
use embed_core::modules::{Bundle, Modules};
use embed_protocol::frame;
use embed_testing::Database;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::json;
use uuid::Uuid;

/// A site whose module may be embedded inline or as a popup by example.test.
pub async fn installed(app: &TestApp) -> (Uuid, Uuid) {
    let site = app.site().await;
    let folder = tempfile::tempdir().unwrap();
    let manifest = json!({
        "name": "feedback", "version": "1.0.0", "embedTypes": ["inline", "popup"], "permissions": ["camera"],
    });
    std::fs::write(folder.path().join("module.json"), manifest.to_string()).unwrap();
    std::fs::write(
        folder.path().join("index.html"),
        format!("<!doctype html><head><script src=app.js></script><p>{}", "Hello ".repeat(200)),
    )
    .unwrap();
    std::fs::write(folder.path().join("app.js"), "greet(); ".repeat(200)).unwrap();
    std::fs::write(folder.path().join("photo.png"), [0x89; 300]).unwrap();
    std::fs::write(folder.path().join("clip.mp4"), clip()).unwrap();
    let bundle = Bundle::read(folder.path()).unwrap();
    let module = Modules::new(&app.context)
        .unwrap()
        .publish(&Actor::CommandLine, site, None, bundle, |_, _| {})
        .await
        .unwrap()
        .id;
    app.allow(site, module, "example.test").await;
    (site, module)
}

/// More than is kept in memory.
pub fn clip() -> Vec<u8> {
    (0..700_000_u32).map(|place| (place % 251) as u8).collect()
}

async fn framed(app: &TestApp, site: Uuid, module: Uuid, origin: &str, embed_type: &str) -> Response {
    app.module_get(module, &address(site, module, origin, embed_type)).send().await.unwrap()
}

/// The address of the entry page in a frame.
fn address(site: Uuid, module: Uuid, origin: &str, embed_type: &str) -> String {
    format!("/embed/{module}/{}/", frame::part(&site.to_string(), "light", embed_type, origin))
}

fn policy(headers: &HeaderMap) -> &str {
    headers["content-security-policy"].to_str().unwrap()
}

story!(the_document_names_the_one_origin_that_may_frame_it, |app| {
    let (site, module) = installed(&app).await;
    let response = framed(&app, site, module, "https://example.test", "inline").await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(policy(&headers), "frame-ancestors https://example.test 'self'");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["origin-agent-cluster"], "?1");
    let permissions = headers["permissions-policy"].to_str().unwrap();
    assert!(permissions.contains("camera=(self)") && permissions.contains("microphone=()"), "{permissions}");
    let document = response.text().await.unwrap();
    let script = format!("<!doctype html><head><script src=\"/embed/{module}/1.0.0/app.js\"></script><p>");
    assert!(document.starts_with(&script), "{document}");
});

story!(no_other_page_may_frame_the_document, |app| {
    let (site, module) = installed(&app).await;
    app.add(site, module, "pending.test").await;
    let other_site = app.site().await;
    for (site, origin, embed_type) in [
        (site, "https://stranger.test", "inline"),
        (site, "https://pending.test", "inline"),
        (site, "https://example.test.evil.com", "inline"),
        (site, "http://example.test", "inline"),
        (site, "null", "inline"),
        (site, "*", "inline"),
        (site, "https://example.test%20*", "inline"),
        (site, "https://example.test%0d%0aX-Evil:1", "inline"),
        (site, "", "inline"),
        (site, "https://example.test", "widget"),
        (site, "https://example.test", "banner"),
        (other_site, "https://example.test", "inline"),
    ] {
        let response = framed(&app, site, module, origin, embed_type).await;
        assert_eq!(policy(response.headers()), "frame-ancestors 'none'", "{origin} {embed_type}");
    }
    for bare in ["~", "~a~b~c~d~e", "~~~~~", "~..~light~inline~https~example.test"] {
        let bare = app.module_get(module, &format!("/embed/{module}/{bare}/")).send().await.unwrap();
        assert_eq!((bare.status().as_u16(), policy(bare.headers())), (200, "frame-ancestors 'none'"));
    }
});

story!(a_domain_names_who_may_frame_its_pages, |app| {
    let (site, module) = installed(&app).await;
    let pattern = app.domains().pattern("example.test").unwrap();
    let domain = app.domains().find(site, module, &pattern).await.unwrap();
    let portal = "https://portal.test:8443";
    let name = async |ancestors: &[&str]| {
        let ancestors = Some(ancestors.iter().map(|&text| text.to_owned()).collect());
        let changes = DomainChanges { ancestors, ..DomainChanges::default() };
        app.domains().change(&Actor::CommandLine, site, domain.id, &changes).await
    };
    let said = async || {
        app.settle().await;
        policy(framed(&app, site, module, "https://example.test", "inline").await.headers()).to_owned()
    };
    let alone = "frame-ancestors https://example.test 'self'";

    for wrong in ["portal.test", "http://portal.test", "https://10.0.0.1", "null", "https://portal.test/page"]
    {
        assert_eq!(name(&[wrong]).await.unwrap_err().code(), Code::InvalidDomain, "{wrong}");
    }
    let unlisted = name(&[portal]).await.unwrap_err();
    assert!(unlisted.detail().contains("Add portal.test to the list first"), "{unlisted}");
    let listed = app.add(site, module, "portal.test").await;
    let eleven = [portal; 11];
    assert!(name(&eleven).await.unwrap_err().detail().contains("at most 10"));

    // Without a proof of its own it frames nothing.
    assert_eq!(name(&[&format!("{portal}/"), portal]).await.unwrap().ancestors.0, [portal]);
    assert_eq!(said().await, alone);
    app.prove(&listed).await;
    app.domains().verify(&Actor::CommandLine, site, listed.id, None).await.unwrap();
    assert_eq!(said().await, format!("frame-ancestors https://example.test {portal} 'self'"));
    // It is named for the pages of that domain alone.
    app.settle().await;
    let own = framed(&app, site, module, "https://portal.test", "inline").await;
    assert_eq!(policy(own.headers()), "frame-ancestors https://portal.test 'self'");
    app.domains().remove(&Actor::CommandLine, site, listed.id).await.unwrap();
    assert_eq!(said().await, alone);
});

story!(a_cached_document_is_revalidated_with_its_policy, |app| {
    let (site, module) = installed(&app).await;
    let path = |origin: &str| address(site, module, origin, "inline");
    let allowed = path("https://example.test");
    let first = app.module_get(module, &allowed).send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let again = app.module_get(module, &allowed).header("If-None-Match", tag.clone()).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(
        policy(again.headers()),
        "frame-ancestors https://example.test 'self'",
        "browsers apply what a 304 says"
    );
    let stranger = path("https://stranger.test");
    let refused =
        app.module_get(module, &stranger).header("If-None-Match", tag.clone()).send().await.unwrap();
    assert_eq!(refused.status(), 200, "another policy is another answer");

    let domains = app.domains().list(site, module).await.unwrap();
    app.domains().remove(&Actor::CommandLine, site, domains[0].id).await.unwrap();
    app.settle().await;
    let removed = app.module_get(module, &allowed).header("If-None-Match", tag).send().await.unwrap();
    assert_eq!((removed.status().as_u16(), policy(removed.headers())), (200, "frame-ancestors 'none'"));
});

story!(files_are_immutable_and_cannot_be_framed_past_the_document, |app| {
    let (_, module) = installed(&app).await;
    let file = |path: &str| app.module_get(module, &format!("/embed/{module}/1.0.0/{path}"));
    let script = file("app.js").send().await.unwrap();
    assert_eq!(script.status(), 200);
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(script.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(script.headers()["access-control-allow-origin"], "*");
    let tag = script.headers()["etag"].clone();
    assert_eq!(file("app.js").header("If-None-Match", tag).send().await.unwrap().status(), 304);
    let document = file("index.html").send().await.unwrap();
    assert_eq!(policy(document.headers()), "frame-ancestors 'none'");
});

story!(files_are_served_compressed_as_they_lie, |app| {
    let (site, module) = installed(&app).await;
    let document = address(site, module, "https://example.test", "inline");
    for path in [document, format!("/embed/{module}/1.0.0/app.js")] {
        let plain = app.module_get(module, &path).send().await.unwrap();
        assert!(!plain.headers().contains_key("content-encoding"));
        let length = plain.content_length().unwrap();
        for (accepted, encoding) in [("br, gzip", "br"), ("gzip", "gzip")] {
            let response =
                app.module_get(module, &path).header("Accept-Encoding", accepted).send().await.unwrap();
            assert_eq!(response.headers()["content-encoding"], encoding, "{path}");
            assert_eq!(response.headers()["vary"], "Accept-Encoding");
            assert!(response.content_length().unwrap() < length / 2);
            assert_ne!(response.headers()["etag"], plain.headers()["etag"]);
        }
    }
    let photo = format!("/embed/{module}/1.0.0/photo.png");
    let photo = app.module_get(module, &photo).header("Accept-Encoding", "br, gzip").send().await.unwrap();
    assert!(!photo.headers().contains_key("content-encoding"));
});

story!(no_url_leads_out_of_a_bundle, |app| {
    let (_, module) = installed(&app).await;
    for path in [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fembed.db",
        "/etc/passwd",
        "app.js/",
        "app.js%00",
        "APP.JS",
        "module.json",
        "",
        ".",
    ] {
        let answer = app.raw_module_get(module, &format!("/embed/{module}/1.0.0/{path}")).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    for version in ["1.0.1", "..", "%2e%2e", "1.0.0%2fapp.js"] {
        let answer = app.raw_module_get(module, &format!("/embed/{module}/{version}/app.js")).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{version}: {answer}");
    }
});

story!(a_modules_origin_serves_that_module_and_nothing_else, |app| {
    let (site, module) = installed(&app).await;
    let other = app.module(site, "other").await;
    for path in [format!("/embed/{other}/~/"), format!("/embed/{other}/1.0.0/index.html")] {
        assert_eq!(app.module_get(other, &path).send().await.unwrap().status(), 200);
        assert_eq!(app.module_get(module, &path).send().await.unwrap().status(), 404, "{path}");
        assert_eq!(app.get(&path).send().await.unwrap().status(), 404, "nor on the public origin");
    }
    assert_eq!(app.module_get(module, "/v1/module.js").send().await.unwrap().status(), 200);
    for path in ["/", "/healthz", "/readyz", "/embed/nonsense", &format!("/embed/{}", Uuid::now_v7())] {
        assert_eq!(app.module_get(module, path).send().await.unwrap().status(), 404, "{path}");
    }
});

#[tokio::test]
async fn without_a_module_host_everything_is_sandboxed() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_MODULE_HOST", "")]).await;
    let (site, module) = installed(&app).await;
    let sandbox = "sandbox allow-scripts allow-forms allow-popups";
    let path = address(site, module, "https://example.test", "inline");
    let document = app.get(&path).send().await.unwrap();
    assert_eq!(policy(document.headers()), format!("frame-ancestors https://example.test; {sandbox}"));
    assert_eq!(document.headers()["access-control-allow-origin"], "*");
    let script = app.get(&format!("/embed/{module}/1.0.0/app.js")).send().await.unwrap();
    assert_eq!(policy(script.headers()), format!("{sandbox}; frame-ancestors 'none'"));
    assert_eq!(script.headers()["access-control-allow-origin"], "*");
}

/// Where a request is led to.
async fn location(app: &TestApp, module: Uuid, path: &str) -> String {
    let answer = app.raw_module_get(module, path).await;
    assert!(answer.starts_with("HTTP/1.1 307"), "{path}: {answer}");
    let (_, rest) = answer.split_once("\r\nlocation: ").unwrap_or_else(|| panic!("{path}: {answer}"));
    rest.split("\r\n").next().unwrap_or_default().to_owned()
}

/// A module of several pages, whose entry is in a folder.
async fn of_several_pages(app: &TestApp) -> (Uuid, Uuid) {
    let site = app.site().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("module.json", r#"{"name": "pages", "version": "1.0.0", "entry": "start/one page.html"}"#);
    write("start/one page.html", "<a href=../two.html>two</a><a href=#s>s</a><img src=../a.png>");
    write("two.html", "<!doctype html><title>Two</title><link rel=icon href=a.png>");
    write("docs/index.html", "<!doctype html><title>Docs</title><img src=../a.png>");
    write("a.png", "png");
    let bundle = Bundle::read(folder.path()).unwrap();
    let modules = Modules::new(&app.context).unwrap();
    let published = modules.publish(&Actor::CommandLine, site, None, bundle, |_, _| {}).await.unwrap();
    app.allow(site, published.id, "example.test").await;
    (site, published.id)
}

story!(every_page_and_file_of_a_bundle_is_served_in_its_frame, |app| {
    let (site, module) = of_several_pages(&app).await;
    let root = address(site, module, "https://example.test", "inline");
    let get = async |path: &str| app.module_get(module, &format!("{root}{path}")).send().await.unwrap();
    assert_eq!(location(&app, module, &format!("{root}?q=1")).await, "./start/one%20page.html?q=1");
    let entry = get("start/one%20page.html").await;
    assert_eq!(policy(entry.headers()), "frame-ancestors https://example.test 'self'");
    let entry = entry.text().await.unwrap();
    let image = format!("<img src=\"/embed/{module}/1.0.0/a.png\">");
    assert_eq!(entry, format!("<a href=../two.html>two</a><a href=#s>s</a>{image}"));

    for (path, part) in [("two.html", "icon href=\"/embed/"), ("docs/", &*image), ("two.html?q=1", "Two")] {
        let page = get(path).await;
        assert_eq!(page.status(), 200, "{path}");
        assert_eq!(page.headers()["cache-control"], "no-cache", "{path}");
        assert_eq!(policy(page.headers()), "frame-ancestors https://example.test 'self'", "{path}");
        let page = page.text().await.unwrap();
        assert!(page.contains(part), "{path}: {page}");
    }
    assert_eq!(location(&app, module, &format!("{root}docs?q=1")).await, "./docs/?q=1");
    let image = get("a.png").await;
    assert_eq!(
        (image.status().as_u16(), &image.headers()["content-type"]),
        (200, &"image/png".parse().unwrap())
    );
    assert_eq!(policy(image.headers()), "frame-ancestors https://example.test 'self'");
    let missing = get("none.html").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(policy(missing.headers()), "frame-ancestors https://example.test 'self'");

    let stranger = address(site, module, "https://stranger.test", "inline");
    for path in ["two.html", "a.png", "none.html"] {
        let page = app.module_get(module, &format!("{stranger}{path}")).send().await.unwrap();
        assert_eq!(policy(page.headers()), "frame-ancestors 'none'", "{path}");
    }
});

story!(no_address_of_a_frame_leads_out_of_its_bundle, |app| {
    let (site, module) = of_several_pages(&app).await;
    let root = address(site, module, "https://example.test", "inline");
    for path in [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/module.json",
        "..%2f..%2fembed.db",
        "module.json",
        "TWO.html",
        "two.html/",
    ] {
        let answer = app.raw_module_get(module, &format!("{root}{path}")).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
});

story!(the_address_that_frames_had_before_leads_to_the_page, |app| {
    let (site, module) = installed(&app).await;
    let upper = module.to_string().to_uppercase();
    for (query, part) in [
        (
            format!("?site={site}&origin=https%3A%2F%2Fexample.test%3A8443&theme=auto&type=popup"),
            format!("~{site}~auto~popup~https~example.test:8443"),
        ),
        (
            format!("?site={site}&origin=https://example.test"),
            format!("~{site}~light~inline~https~example.test"),
        ),
        (String::new(), "~~light~inline~".to_owned()),
        ("?site=a&site=b".to_owned(), "~~light~inline~".to_owned()),
        ("?site=../../x&origin=%0d%0aX:1".to_owned(), "~..%2F..%2Fx~light~inline~%0D%0AX:1".to_owned()),
    ] {
        let location = location(&app, module, &format!("/embed/{upper}{query}")).await;
        assert_eq!(location, format!("/embed/{module}/{part}/"), "{query}");
        assert_eq!(app.module_get(module, &location).send().await.unwrap().status(), 200, "{location}");
    }
    let bare = address(site, module, "https://example.test", "inline");
    let part = format!("./~{site}~light~inline~https~example.test/");
    assert_eq!(location(&app, module, bare.trim_end_matches('/')).await, part);
});

story!(a_page_that_an_earlier_release_stored_is_served_without_its_base, |app| {
    let (site, module) = installed(&app).await;
    let files = embed_base::files::Storage::in_folder(&app.context.settings.storage.storage_url).unwrap();
    let before = format!(
        "<!doctype html><head><base href=\"/embed/{module}/1.0.0/\"><script src=app.js></script><p>{}",
        "Hello ".repeat(200)
    );
    let stored = embed_base::files::Content::compressed(before.clone().into());
    let digest = embed_base::files::Digest::of(before.as_bytes());
    files.put(&digest, &stored).await.unwrap();
    let text = "UPDATE module_files SET sha256 = $1, size = $2 WHERE path = 'index.html'";
    let mut tx = app.context.db.begin_global().await.unwrap();
    embed_base::db::execute!(&mut tx, sqlx::query(text).bind(&digest).bind(before.len() as i64)).unwrap();
    tx.commit().await.unwrap();

    let entry = framed(&app, site, module, "https://example.test", "inline").await.text().await.unwrap();
    let script = format!("<!doctype html><head><script src=\"/embed/{module}/1.0.0/app.js\"></script><p>");
    assert!(entry.starts_with(&script), "{entry}");
});

story!(a_path_that_is_no_text_is_the_address_of_nothing, |app| {
    let (_, module) = installed(&app).await;
    let document = app.module_get(module, "/embed/%ff").send().await.unwrap();
    assert_eq!(document.status(), 404);
    assert!(policy(document.headers()).ends_with("frame-ancestors 'none'"), "{document:?}");
    for path in [format!("/embed/{module}/1.0.0/%ff"), "/v1/%ff".to_owned()] {
        let refused = app.module_get(module, &path).send().await.unwrap();
        assert_eq!(refused.status(), 404, "{path}");
        assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "file_not_found", "{path}");
    }
});

story!(what_a_page_loads_may_be_asked_for_with_any_header, |app| {
    let (site, module) = installed(&app).await;
    let document = address(site, module, "https://example.test", "inline");
    let own = format!("{module}.modules.test");
    let file = format!("/embed/{module}/1.0.0/app.js");
    for (host, path) in
        [("embed.test", "/v1/embed.js"), (&*own, "/v1/module.js"), (&*own, &*file), (&*own, &*document)]
    {
        let asked = app.request_at(host, Method::OPTIONS, path).header("Origin", "https://any.test");
        let asked = asked.header("Access-Control-Request-Headers", "traceparent,x-anything");
        let plain = asked.try_clone().unwrap().send().await.unwrap();
        assert_eq!(plain.status(), 405, "{path}: no preflight");
        let answer = asked.header("Access-Control-Request-Method", "GET").send().await.unwrap();
        assert_eq!(answer.status(), 204, "{path}");
        for (name, value) in [("origin", "*"), ("headers", "*"), ("methods", "GET, HEAD")] {
            assert_eq!(answer.headers()[format!("access-control-allow-{name}")], value, "{path}");
        }
        assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{path}");
    }
});
