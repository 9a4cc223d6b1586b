//! `sdk/README.md` keeps its word: its snippets run as they are written, and its tables name everything that there is.

use crate::code_blocks::{self, blocks};
use anyhow::{Context, Result, ensure};
use embed_core::modules::Manifest;
use serde_json::{Value, json};
use stories::{repository, story};

const README: &str = "sdk/README.md";

#[tokio::test]
async fn every_snippet_for_a_website_shows_its_module() -> Result<()> {
    story(async |stage| {
        let feedback = code_blocks::feedback(stage).await?;
        let snippets = blocks(README)?.into_iter().filter(|b| b.language == "html" && b.name.is_empty());
        let mut count = 0;
        for snippet in snippets {
            code_blocks::open(stage, &feedback, &snippet.text).await?;
            // A snippet with a button says nothing before the SDK is there, so the click is repeated.
            let shown =
                "deep('iframe').some(shown) || (document.querySelector('body > button')?.click(), false)";
            stage.browser.until("the module was shown", shown).await.context(snippet.text)?;
            stage.browser.enter("deep('iframe').find(shown)").await?;
            stage.browser.until("the module had its context", "Dramac.module.context").await?;
            stage.browser.leave().await?;
            code_blocks::is_quiet(stage).await?;
            count += 1;
        }
        ensure!(count >= 4, "only {count} snippets were found");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_snippet_for_a_module_greets_answers_and_waves() -> Result<()> {
    story(async |stage| {
        let snippets: Vec<_> = blocks(README)?.into_iter().filter(|b| b.name == "module").collect();
        assert_eq!(snippets.len(), 2);
        for (number, snippet) in snippets.into_iter().enumerate() {
            let folder = tempfile::tempdir()?;
            let mut manifest: Value = serde_json::from_str(&code_blocks::block(README, "manifest")?)?;
            manifest["name"] = json!(format!("Hello {number}"));
            std::fs::write(folder.path().join("module.json"), manifest.to_string())?;
            std::fs::write(folder.path().join("index.html"), snippet.text)?;
            let hello = stage.installation.publish(&stage.site, folder.path()).await?;
            stage.installation.allow(&stage.site, &hello, stage.website.port, &[]).await?;

            stage.embed(&format!("moduleId: '{hello}', type: 'inline'")).await?;
            stage
                .browser
                .run(
                    "embed.on('hello:wave', () => log.push('wave')); embed.send('greet', { name: 'Ada' })",
                    (),
                )
                .await?;
            assert_eq!(stage.browser.run("return embed.request('name')", ()).await?, "Ada");
            stage.inside("document.querySelector('#wave').click()").await?;
            stage.browser.until("the page heard the wave", "log.length").await?;
            assert_eq!(stage.log().await?, json!(["wave"]));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_option_method_property_and_module_function_is_in_its_tables() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let browser = &stage.browser;
        // What the SDK says to an unknown option lists the known ones.
        let known = "return Dramac.embed({ unknown: 1 }).ready.catch((error) => error.message.match(/options are (.*)\\./)[1].split(', '))";
        in_tables(&browser.run(known, ()).await?)?;
        in_tables(&browser.value("Object.keys(embed)").await?)?;
        in_tables(&browser.value("Object.keys(Dramac).map((name) => `Dramac.${name}`)").await?)?;
        in_tables(&stage.inside("return Object.keys(Dramac.module)").await?)?;
        in_tables(&stage.inside("return Object.keys(Dramac.module.context)").await?)?;
        let element = "Object.getOwnPropertyNames(customElements.get('dramac-embed').prototype).filter((name) => !/^constructor$|Callback$/.test(name))";
        in_tables(&browser.value(element).await?)
    })
    .await
}

#[test]
fn every_field_of_the_manifest_is_in_its_table() -> Result<()> {
    // What is said of an unknown field lists the known ones.
    let refused = Manifest::parse(b"{\"unknown\":1}").err().context("it is refused")?;
    let (_, known) = refused.detail().split_once("expected one of").context("what was expected")?;
    let names: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    ensure!(names.len() >= 8, "only {names:?} were found");
    in_tables(&json!(names))
}

#[test]
fn every_error_code_is_in_its_tables() -> Result<()> {
    let mut codes: Vec<String> = Vec::new();
    let mut collect = |path: &str, before: &str| -> Result<()> {
        let source = std::fs::read_to_string(repository(path))?;
        let found = source.split(before).skip(1).filter_map(|rest| rest.trim_start().split_once('"'));
        codes.extend(
            found
                .filter(|(gap, _)| gap.is_empty())
                .filter_map(|(_, rest)| Some(rest.split_once('"')?.0.into())),
        );
        Ok(())
    };
    collect("sdk/protocol/src/code.rs", "=>")?;
    for file in
        ["bridge/mod.rs", "config.rs", "embed/mod.rs", "embed/mount.rs", "embed/talk.rs", "handlers.rs"]
    {
        collect(&format!("sdk/src/{file}"), "Fault::new(")?;
    }
    ensure!(codes.len() > 12, "only {codes:?} were found");
    codes.extend(["csp_wasm", "sdk_unavailable", "timeout", "no_handler", "disconnected"].map(Into::into));
    in_tables(&json!(codes))
}

/// Each of these names stands in a table of the README, in backticks.
fn in_tables(names: &Value) -> Result<()> {
    let readme = std::fs::read_to_string(repository(README))?;
    let tables: Vec<&str> = readme.lines().filter(|line| line.starts_with('|')).collect();
    let tables = tables.join("\n");
    let names = names.as_array().with_context(|| format!("{names} is no list"))?;
    ensure!(!names.is_empty(), "no names were found");
    for name in names {
        let name = name.as_str().context("a name is text")?;
        let is_there = tables.match_indices(name).any(|(at, _)| {
            let (before, after) = (&tables[..at], &tables[at + name.len()..]);
            before.ends_with(['`', '{', ' ']) && after.starts_with(['`', '(', ',', '}'])
        });
        ensure!(is_there, "`{name}` is in no table of {README}");
    }
    Ok(())
}
