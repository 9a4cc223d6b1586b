//! Arrows point down, between crates and between the folders of one.

use crate::sources::{CRATES, below, names_after, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// For each crate the crates of this workspace that it may know, tests included.
const MAY_KNOW: [(&str, &[&str]); 6] = [
    ("embed-base", &["embed-protocol"]),
    ("embed-core", &["embed-base", "embed-protocol"]),
    ("embed-console", &["embed-base", "embed-core", "embed-protocol"]),
    ("embed-bundle", &["cdn"]),
    ("embed-testing", &["embed-base"]),
    (
        "embed-server",
        &["embed-base", "embed-bundle", "embed-console", "embed-core", "embed-protocol", "embed-testing"],
    ),
];

/// The state of the routes of `embed-core`, which is built on every capability.
const STATE: &str = "services";
/// How routes and extractors name it.
const STATE_IS_NAMED: [&str; 4] =
    ["Router<Services>", "State<Services>", "Services: FromRef<S>", "Services::from_ref(state)"];

/// What `cargo metadata` says of the packages of this workspace.
pub fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn a_crate_of_the_server_knows_only_those_below_it() {
    let packages = packages();
    let own: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else { continue };
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            assert!(
                !own.contains(dependency) || allowed.contains(&dependency),
                "{name} must not know {dependency}"
            );
        }
    }
}

#[test]
fn no_folder_of_a_crate_is_in_a_circle_with_another() {
    for (package, folder) in CRATES {
        let sources = below(folder);
        let rooms: BTreeSet<String> = sources.iter().map(|source| source.room()).collect();
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for source in &sources {
            let from = rooms.get(&source.room()).unwrap();
            let known = names_after(&source.code, "crate::");
            let known = known.iter().filter_map(|name| rooms.get(name));
            let known = known.filter(|name| *name != from && !(package == "embed-core" && *name == STATE));
            arrows.entry(from).or_default().extend(known.map(String::as_str));
        }
        // Rooms that know none of the others are taken away until none is left.
        while let Some(leaf) = arrows.iter().find(|(_, known)| known.is_empty()).map(|(room, _)| *room) {
            arrows.remove(leaf);
            arrows.values_mut().for_each(|known| {
                known.remove(leaf);
            });
        }
        assert!(arrows.is_empty(), "circles in {package}: {arrows:?}");
    }
}

/// The state knows every capability, and their routes and extractors know the state: a circle that ends there, because
/// no rule and no SQL can take the state as an argument.
#[test]
fn a_capability_knows_all_the_others_in_its_routes_and_extractors_alone() {
    for source in below("embed-server/core/src").iter().filter(|source| source.room() != STATE) {
        let mut code = source.code.replace("use crate::services::Services;", "");
        for named in STATE_IS_NAMED {
            code = code.replace(named, "");
        }
        let path = source.path.display();
        assert!(!code.contains("Services") && !code.contains("crate::services"), "{path} takes all services");
    }
}

#[test]
fn no_capability_uses_the_sql_or_the_routes_of_another() {
    for source in below("embed-server/core/src") {
        let own = source.room();
        for (place, _) in source.code.match_indices("crate::") {
            let path: String =
                source.code[place..].chars().take_while(|c| !c.is_whitespace() && *c != ';').collect();
            let mut parts = path.split("::").skip(1);
            let (room, inside) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let foreign = room != own && (inside.starts_with("store") || inside.starts_with("routes"));
            assert!(!foreign, "{} reaches into {path}", source.path.display());
        }
    }
}
