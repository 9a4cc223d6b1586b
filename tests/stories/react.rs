//! The React example, built as its README says, in a browser. It runs in StrictMode, which mounts everything twice.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use stories::{Stage, module, repository, story};
use tokio::process::Command;

const EXAMPLE: &str = "examples/react";
const PACKAGE: &str = "cdn/npm";

/// The example's script for this stage and module.
pub fn example(stage: &Stage, module: &str) -> Result<String> {
    Ok(fs::read_to_string(repository(EXAMPLE).join("main.jsx"))?
        .replace("{{server}}", &stage.installation.origin())
        .replace("{{site}}", &stage.site)
        .replace("{{feedback}}", module))
}

/// A script, as the example's own build makes it for browsers.
pub async fn built(main: &str) -> Result<String> {
    let installed = cdn::npm::install(&repository(PACKAGE), &repository("target/npm"))?;
    let project = tempfile::tempdir()?;
    let own = project.path().join("node_modules/@dramac/embed");
    fs::create_dir_all(&own)?;
    for entry in fs::read_dir(&installed)? {
        let entry = entry?;
        symlink(
            fs::canonicalize(entry.path())?,
            project.path().join("node_modules").join(entry.file_name()),
        )?;
    }
    // Not a link: through that React would be looked for where the package is.
    for file in ["package.json", "index.js", "react.js"] {
        fs::copy(repository(PACKAGE).join(file), own.join(file))?;
    }
    fs::write(project.path().join("main.jsx"), main)?;
    fs::copy(repository(EXAMPLE).join("package.json"), project.path().join("package.json"))?;
    // The development build of React is the one that is strict.
    let package: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(repository(EXAMPLE).join("package.json"))?)?;
    let script = package["scripts"]["build"].as_str().context("the example has a build script")?;
    let output = Command::new("sh")
        .args(["-c", &script.replace("production", "development")])
        .current_dir(project.path())
        .env("PATH", path_with(&installed.join(".bin")))
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(fs::read_to_string(project.path().join("dist/main.js"))?)
}

fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

#[tokio::test]
async fn one_embed_lives_as_long_as_its_component_and_follows_its_props() -> Result<()> {
    story(async |stage| {
        let feedback = stage.publish(&module::example("feedback")).await?;
        stage.website.put("/dist/main.js", built(&example(stage, &feedback)?).await?);
        let page = fs::read_to_string(repository(EXAMPLE).join("index.html"))?;
        stage.browser.open(&stage.website.put("/", page)).await?;
        let browser = &stage.browser;
        let said = "[...document.querySelectorAll('#said li')].map((line) => line.textContent).join()";
        browser.until("the module was ready", &format!("{said} === 'ready'")).await?;
        assert_eq!(browser.value("deep('iframe').length").await?, 1, "StrictMode makes no second embed");

        let module = "{ ...Dramac.module.context, theme: Dramac.module.theme, mark: window.mark ?? null }";
        let look = format!("const {{ theme, params, mark }} = {module}; return {{ theme, params, mark }}");
        stage.inside("window.mark = 'the same frame'").await?;
        browser.click("document.querySelector('#theme')").await?;
        browser.click("document.querySelector('#rating')").await?;
        stories::wait::until("the module knew of theme and params", stories::wait::LIMIT, async || {
            let expected = json!({ "theme": "dark", "params": { "rating": 3 }, "mark": "the same frame" });
            Ok((stage.inside(&look).await? == expected).then_some(()))
        })
        .await?;
        // The component renders anew for each word that it says: params that only look new are no update.
        stage.inside("window.updates = 0; Dramac.module.on('update', () => updates++)").await?;
        stage.inside("Dramac.module.emit('feedback:submitted', { rating: 5 })").await?;
        browser.until("the component heard the module", &format!("{said} === 'ready,5 stars'")).await?;
        browser.click("document.querySelector('#reset')").await?;
        assert_eq!(stage.inside("return updates").await?, 0);

        browser.click("document.querySelector('#shown')").await?;
        browser.until("nothing was left", "deep('iframe, dramac-frame').length === 0").await?;
        browser.click("document.querySelector('#shown')").await?;
        browser.until("the module was ready again", &format!("{said} === 'ready,5 stars,ready'")).await?;
        assert_eq!(browser.value("deep('iframe').length").await?, 1);
        let console = browser.console().await?;
        ensure!(
            !console.iter().any(|line| line.starts_with("SEVERE")),
            "the console complains: {console:#?}"
        );
        Ok(())
    })
    .await
}
