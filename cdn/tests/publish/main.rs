//! Publishing as a user does it: the command, a folder or a real S3 server, and what readers find there afterwards.

#![allow(clippy::unwrap_used, reason = "the functions here are all of a test")]

mod bundle;
mod place;

use bundle::Bundle;
use cdn::{Manifest, integrity};
use place::Place;

const SERVER: [&str; 4] = ["--server", "https://embed.example.com", "--module-host", "*.modules.example.com"];

/// Runs a story in a folder and in a bucket.
fn everywhere(story: impl Fn(&Place)) {
    for place in [Place::folder(), Place::bucket()] {
        story(&place);
    }
}

fn manifest(place: &Place) -> Manifest {
    serde_json::from_slice(&place.read("v1/manifest.json").unwrap()).unwrap()
}

fn text(place: &Place, path: &str) -> String {
    String::from_utf8(place.read(path).unwrap()).unwrap()
}

#[test]
fn what_is_published_is_whole_and_knows_its_server() {
    everywhere(|place| {
        let bundle = Bundle::new("one");
        place.publish(&bundle, &SERVER).success();
        let loader = text(place, "v1/embed.js");
        assert!(
            loader.contains("\"https://embed.example.com\",\"https://*.modules.example.com\""),
            "{loader}"
        );
        let manifest = manifest(place);
        for (name, file) in &manifest.files {
            let bytes = place.read(&file.path).unwrap();
            assert_eq!(file.integrity, Some(integrity(&bytes)), "{name}");
            assert_eq!(file.brotli, place.read(&format!("{}.br", file.path)).unwrap().len(), "{name}");
            assert_eq!(file.gzip, place.read(&format!("{}.gz", file.path)).unwrap().len(), "{name}");
        }
        let page = ["embed.js", "sdk.js", "sdk.wasm"].map(|name| manifest.files[name].brotli);
        assert_eq!(manifest.total.brotli, page.iter().sum::<usize>());
    });
}

#[test]
fn the_printed_snippet_pins_a_page_to_the_release() {
    everywhere(|place| {
        let output = place
            .publish(&Bundle::new("one"), &[&SERVER[..], &["--cdn-url", "https://cdn.example.com/"]].concat())
            .success();
        let release = manifest(place).release.unwrap();
        let loader = place.read(&release.path).unwrap();
        assert_eq!(release.integrity, integrity(&loader));
        assert!(
            output.contains(&format!(
                "<script async src=\"https://cdn.example.com/v1/{}/embed.js\" integrity=\"{}\" crossorigin></script>",
                release.hash, release.integrity
            )),
            "{output}"
        );
        // It stands one folder deeper than v1/embed.js, and finds the same files.
        let sdk = manifest(place).files["sdk.js"].path.replace("v1/", "../");
        assert!(String::from_utf8(loader).unwrap().contains(&format!("\"{sdk}\"")));
    });
}

#[test]
fn publishing_the_same_twice_changes_nothing() {
    everywhere(|place| {
        let bundle = Bundle::new("one");
        place.publish(&bundle, &SERVER).success();
        let before = place.files();
        place.publish(&bundle, &SERVER).success();
        assert_eq!(place.files(), before);
    });
}

#[test]
fn an_earlier_bundle_stays_for_pages_that_have_its_loader_yet() {
    everywhere(|place| {
        place.publish(&Bundle::new("one"), &SERVER).success();
        let old = manifest(place);
        place.publish(&Bundle::new("two"), &SERVER).success();
        assert_ne!(manifest(place).files["sdk.js"].path, old.files["sdk.js"].path);
        assert!(place.read(&old.files["sdk.js"].path).is_some());
        assert!(place.read(&old.release.unwrap().path).is_some());
    });
}

#[test]
fn a_rollback_gives_pages_the_earlier_release_and_forgets_no_other() {
    everywhere(|place| {
        let current = || {
            ["v1/embed.js", "v1/embed.js.br", "v1/module.js", "v1/manifest.json"]
                .map(|path| place.read(path).unwrap())
        };
        place.publish(&Bundle::new("one"), &SERVER).success();
        let (one, first) = (current(), manifest(place).release.unwrap().hash);
        place.publish(&Bundle::new("two"), &SERVER).success();
        let (two, second) = (current(), manifest(place).release.unwrap().hash);
        assert_ne!(one, two);

        let output = place.run(&["rollback", &place.name(), &first]).success();
        assert!(output.contains(&format!("Pages now load the release {first}")), "{output}");
        assert_eq!(current(), one);
        place.run(&["rollback", &place.name(), &second]).success();
        assert_eq!(current(), two);

        let message = place.run(&["rollback", &place.name(), "0123456789abcdef"]).failure();
        let mut releases = [first, second];
        releases.sort();
        let name = place.name();
        assert_eq!(
            message,
            format!("There is no release 0123456789abcdef at {name}. There are: {}.", releases.join(", "))
        );
    });
}

#[test]
fn a_rollback_where_nothing_was_published_says_so() {
    everywhere(|place| {
        let message = place.run(&["rollback", &place.name(), "0123456789abcdef"]).failure();
        let name = place.name();
        assert_eq!(
            message,
            format!("There is no release 0123456789abcdef at {name}, nor any other: publish one first.")
        );
    });
}

#[test]
fn a_published_hash_never_gets_other_bytes_and_pages_keep_the_old_loader() {
    everywhere(|place| {
        place.publish(&Bundle::new("one"), &SERVER).success();
        let loader = place.read("v1/embed.js");
        let two = Bundle::new("two");
        place.write(&two.sdk_path(), b"something else");
        let message = place.publish(&two, &SERVER).failure();
        assert!(
            message.starts_with(&format!(
                "{} is at {} already, with other content",
                two.sdk_path(),
                place.name()
            )),
            "{message}"
        );
        assert_eq!(place.read(&two.sdk_path()).unwrap(), b"something else");
        assert_eq!(place.read("v1/embed.js"), loader);
    });
}

#[test]
fn of_several_that_publish_at_once_one_has_the_last_word_in_every_file() {
    everywhere(|place| {
        let bundles: Vec<Bundle> = ["one", "two", "three", "four"].map(Bundle::new).into();
        std::thread::scope(|scope| {
            for bundle in &bundles {
                scope.spawn(|| place.publish(bundle, &SERVER));
            }
        });
        let last = manifest(place);
        let release = last.release.clone().unwrap();
        let digest = |name: &str| integrity(&place.read(&format!("v1/{name}")).unwrap());
        for name in ["embed.js", "module.js"] {
            assert_eq!(Some(digest(name)), last.files[name].integrity, "{name}");
        }
        assert_eq!(place.read("v1/manifest.json"), place.read(&format!("v1/{}/manifest.json", release.hash)));
        for bundle in &bundles {
            assert!(place.read(&bundle.sdk_path()).is_some());
        }
    });
}

#[test]
fn a_bucket_sends_type_encoding_and_lifetime() {
    let place = Place::bucket();
    let bundle = Bundle::new("one");
    place.publish(&bundle, &SERVER).success();
    let year = "public, max-age=31536000, immutable";
    let minutes = "public, max-age=300, stale-while-revalidate=86400";
    let script = "text/javascript; charset=utf-8";
    assert_eq!(place.sent("v1/embed.js"), [script, "", minutes]);
    assert_eq!(place.sent("v1/embed.js.br"), [script, "br", minutes]);
    assert_eq!(place.sent("v1/manifest.json"), ["application/json", "", minutes]);
    assert_eq!(place.sent(&bundle.sdk_path()), [script, "", year]);
    assert_eq!(
        place.sent(&bundle.sdk_path().replace("sdk.js", "sdk.wasm.gz")),
        ["application/wasm", "gzip", year]
    );
    assert_eq!(place.sent(&manifest(&place).release.unwrap().path), [script, "", year]);
}

#[test]
fn without_a_server_the_snippets_say_where_to_name_it() {
    let place = Place::folder();
    let output = place.publish(&Bundle::new("one"), &[]).success();
    assert_eq!(
        output.matches(" data-dramac-server=\"https://YOUR-EMBED-SERVER\"></script>").count(),
        2,
        "{output}"
    );
    assert!(!text(&place, "v1/embed.js").contains("__DRAMAC_"));
}

#[test]
fn where_no_bundle_was_built_the_command_that_builds_is_named() {
    let place = Place::folder();
    let empty = tempfile::tempdir().unwrap();
    let message =
        place.run(&["publish", &place.name(), "--bundle", empty.path().to_str().unwrap()]).failure();
    assert_eq!(
        message,
        format!(
            "There is no bundle in {}: make one with `cargo run -p cdn -- build --optimize`, or name another folder with --bundle.",
            empty.path().display()
        )
    );
}

#[test]
fn a_bundle_that_was_changed_after_the_build_is_not_published() {
    let place = Place::folder();
    let bundle = Bundle::new("one");
    std::fs::write(bundle.path().join(bundle.sdk_path()), "tampered").unwrap();
    let message = place.publish(&bundle, &SERVER).failure();
    assert_eq!(
        message,
        format!(
            "{} in {} was changed after the build: build the bundle again.",
            bundle.sdk_path(),
            bundle.path().display()
        )
    );
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn a_bundle_is_not_published_onto_itself() {
    let place = Place::folder();
    let bundle = Bundle::new("one");
    let folder = bundle.path().to_str().unwrap();
    let message = place.run(&["publish", folder, "--bundle", folder]).failure();
    assert_eq!(message, format!("{folder} is the bundle itself: publish to another folder."));
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let place = Place::bucket();
    let bundle = Bundle::new("one");
    let folder = bundle.path().to_str().unwrap();
    let message = place.run(&["publish", "s3://elsewhere/cdn", "--bundle", folder]).failure();
    assert_eq!(
        message,
        "There is no bucket elsewhere at this endpoint: create it, or correct s3://elsewhere/cdn or AWS_ENDPOINT_URL."
    );
}

#[test]
fn without_credentials_the_variables_are_named() {
    let place = Place::folder();
    let message = place.run(&["publish", "s3://cdn"]).failure();
    assert!(
        message.starts_with("There are no credentials for s3://cdn: set AWS_ACCESS_KEY_ID and"),
        "{message}"
    );
}

#[test]
fn a_bucket_that_refuses_the_credentials_is_told_from_one_that_is_missing() {
    let place = Place::bucket().with_secret("wrong");
    let message = place.publish(&Bundle::new("one"), &SERVER).failure();
    assert!(
        message.starts_with("The bucket refused these credentials: check AWS_ACCESS_KEY_ID"),
        "{message}"
    );
}
