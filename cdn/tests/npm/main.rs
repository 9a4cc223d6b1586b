//! The npm package: that its types are those of the SDK, that TypeScript reads them so, and that a server may import it.

#![allow(clippy::unwrap_used, reason = "the functions here are all of a test")]

mod project;
mod surface;

use project::Project;
use surface::{fields, interface, literals, repository, words};

#[test]
fn the_types_have_every_option_of_the_sdk_and_no_other() {
    let config = repository("sdk/src/config.rs");
    assert_eq!(interface("Options"), fields(&config, "const OPTIONS: Options"));
    assert_eq!(interface("Launcher"), fields(&config, "const LAUNCHER: Options"));
}

#[test]
fn the_types_have_every_method_of_the_handle_and_no_other() {
    let loader = repository("cdn/loader/embed.js");
    let mut members = words(&loader, "'open close ", "'.split(' ')");
    members.extend(["open", "close", "state", "ready"].map(str::to_owned));
    members.sort();
    assert_eq!(interface("Handle"), members);
}

#[test]
fn the_types_have_every_attribute_of_the_element_and_no_other() {
    let element = repository("cdn/loader/element.js");
    let lists = ["fixed", "changing", "initial"].map(|list| literals(&element, &format!("const {list} = [")));
    let mut members: Vec<String> =
        lists.concat().iter().map(|attribute| surface::camel_case(attribute)).collect();
    members.extend(["handle", "state", "ready"].map(str::to_owned));
    members.sort();
    let mut typed = interface("DramacEmbedElement");
    typed.dedup();
    assert_eq!(typed, members);
}

#[test]
fn the_types_have_every_built_in_event_and_no_other() {
    let handlers = repository("sdk/src/handlers.rs");
    assert_eq!(interface("Events"), literals(&handlers, "Some(name @ ("));
}

#[test]
fn the_types_have_every_error_code_of_the_readme_and_no_other() {
    let codes = |heading: &str| {
        let readme = repository("sdk/README.md");
        let table = readme.split_once(heading).unwrap().1.split_once("\n\n").unwrap().0.to_owned();
        let mut codes: Vec<String> = table
            .lines()
            .filter_map(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
            .collect();
        codes.sort();
        codes
    };
    assert_eq!(surface::union("ErrorCode"), codes("| code | the sentence begins | what to do |\n"));
    assert_eq!(surface::union("RequestErrorCode"), codes("| code | meaning |\n"));
}

#[test]
fn typescript_takes_what_is_right_and_refuses_what_is_wrong() {
    let project = Project::new();
    project.copy("checks");
    project.typescript().unwrap();
    project.write(
        "more.ts",
        "import { embed } from '@dramac/embed'\nembed({ siteId: 'a', moduleId: 'b', colour: 'red' })\n",
    );
    let complaint = project.typescript().unwrap_err();
    assert!(complaint.contains("more.ts") && complaint.contains("'colour' does not exist"), "{complaint}");
}

#[test]
fn a_server_may_import_load_and_render() {
    let project = Project::new();
    let printed = project.node(
        "import { load, embed } from '@dramac/embed'
        import { DramacEmbed } from '@dramac/embed/react'
        import { createElement } from 'react'
        import { renderToString } from 'react-dom/server'
        load({ src: 'https://embed.example.com/v1/embed.js' })
        const ids = { siteId: 'a', moduleId: 'b' }
        console.log(renderToString(createElement(DramacEmbed, { ...ids, type: 'inline', className: 'form' })))
        console.log(renderToString(createElement(DramacEmbed, { ...ids, type: 'widget' })))
        await embed(ids).catch((error) => console.log(error.code))
        console.log(Object.keys(globalThis).includes('Dramac'))",
    );
    assert_eq!(printed.lines().collect::<Vec<_>>(), ["<div class=\"form\"></div>", "", "no_page", "false"]);
}

#[test]
fn the_package_holds_what_it_exports() {
    let package: serde_json::Value = serde_json::from_str(&repository("cdn/npm/package.json")).unwrap();
    for (name, targets) in package["exports"].as_object().unwrap() {
        for target in targets
            .as_object()
            .map(|targets| targets.values().cloned().collect())
            .unwrap_or(vec![targets.clone()])
        {
            let file = target.as_str().unwrap().trim_start_matches("./");
            let listed = package["files"].as_array().unwrap().iter().any(|listed| listed == file);
            assert!(listed || file == "package.json", "{name} leads to {file}, which is not packed");
        }
    }
}
