//! The bundle that customers' pages load.

use crate::app::{TestApp, json_of};
use embed_testing::Database;

#[tokio::test]
async fn the_loader_knows_this_server_and_its_modules() {
    let app = TestApp::start(Database::sqlite()).await;
    let response = app.get("/v1/embed.js").send().await.unwrap();
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/javascript");
    assert_eq!(headers["cache-control"], "public, max-age=300, stale-while-revalidate=86400");
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("timing-allow-origin", "*"),
        ("vary", "Accept-Encoding"),
    ] {
        assert_eq!(headers[name], value);
    }
    let loader = response.text().await.unwrap();
    assert!(loader.contains("https://embed.test") && loader.contains("https://*.modules.test"), "{loader}");
    assert!(!loader.contains(embed_protocol::loader::SERVER), "the blank is filled: {loader}");
    let tag = headers["etag"].clone();
    assert_eq!(app.get("/v1/embed.js").header("If-None-Match", tag).send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn every_file_of_the_manifest_is_there_in_all_its_forms() {
    let app = TestApp::start(Database::sqlite()).await;
    let (_, manifest) = json_of(app.get("/v1/manifest.json").send().await.unwrap()).await;
    for (name, file) in manifest["files"].as_object().unwrap() {
        let path = format!("/{}", file["path"].as_str().unwrap());
        for (accepted, size) in [("identity", "bytes"), ("gzip", "gzip"), ("br", "brotli")] {
            let response = app.get(&path).header("Accept-Encoding", accepted).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            // The loader's size depends on what its blanks are filled with.
            if name != "embed.js" {
                assert_eq!(response.content_length(), file[size].as_u64(), "{path} {accepted}");
            }
            let hashed = path.matches('/').count() > 2;
            let kept = response.headers()["cache-control"].to_str().unwrap().contains("immutable");
            assert_eq!(kept, hashed, "{path}");
        }
    }
    let wasm = manifest["files"]["sdk.wasm"]["path"].as_str().unwrap();
    let wasm = app.get(&format!("/{wasm}")).send().await.unwrap();
    assert_eq!(wasm.headers()["content-type"], "application/wasm");
}

#[tokio::test]
async fn what_is_not_in_the_bundle_is_a_sentence() {
    let app = TestApp::start(Database::sqlite()).await;
    for path in ["/v1/", "/v1/embed.js.br", "/v1/..%2fCargo.toml", "/v1/0000000000000000/sdk.js"] {
        assert_eq!(app.get(path).send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn another_bundle_can_be_served_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("v1/abc")).unwrap();
    std::fs::write(folder.path().join("v1/embed.js"), "load('__DRAMAC_SERVER__', '__DRAMAC_MODULES__')")
        .unwrap();
    std::fs::write(folder.path().join("v1/abc/sdk.js"), "sdk()").unwrap();
    let setting = [("EMBED_BUNDLE_DIR", folder.path().to_str().unwrap())];
    let app = TestApp::start_with(Database::sqlite(), &setting).await;
    let loader = app.get("/v1/embed.js").send().await.unwrap().text().await.unwrap();
    assert_eq!(loader, "load('https://embed.test', 'https://*.modules.test')");
    assert_eq!(app.get("/v1/abc/sdk.js").send().await.unwrap().text().await.unwrap(), "sdk()");
}
