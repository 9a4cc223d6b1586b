//! The code blocks of the guides, as the stories run them.

use anyhow::{Context, Result};
use stories::{Stage, module, repository};

/// A fenced block of a guide.
pub struct Block {
    /// The language after the opening fence, e.g. `html`.
    pub language: String,
    /// What follows the language; empty where nothing does.
    pub name: String,
    /// The lines between the fences.
    pub text: String,
}

/// Every fenced block of a file of the repository, in order.
pub fn blocks(path: &str) -> Result<Vec<Block>> {
    let guide =
        std::fs::read_to_string(repository(path)).with_context(|| format!("{path} cannot be read"))?;
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in guide.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(fence), None) => {
                let (language, name) = fence.split_once(' ').unwrap_or((fence, ""));
                open = Some(Block { language: language.into(), name: name.into(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    Ok(blocks)
}

/// The one block of a file with this name.
pub fn block(path: &str, name: &str) -> Result<String> {
    let mut named = blocks(path)?.into_iter().filter(|block| block.name == name);
    let block = named.next().with_context(|| format!("{path} has no block named {name}"))?;
    Ok(block.text)
}

/// Publishes the example module that the guides embed, allows it on the stage's website, and returns its id.
pub async fn feedback(stage: &Stage) -> Result<String> {
    let id = stage.installation.publish(&stage.site, &module::example("feedback")).await?;
    stage.installation.allow(&stage.site, &id, stage.website.port, &[]).await?;
    Ok(id)
}

/// Opens a page whose body is `snippet`, with the guides' placeholders filled in; uncaught errors are kept in `faults`.
pub async fn open(stage: &Stage, module: &str, snippet: &str) -> Result<()> {
    let snippet = snippet
        .replace("https://embed.example.com", &stage.installation.origin())
        .replace("SITE_ID", &stage.site)
        .replace("MODULE_ID", module);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Guide</title><link rel=\"icon\" href=\"data:,\">
<script>
  window.faults = []
  addEventListener('error', (event) => faults.push(event.message))
  addEventListener('unhandledrejection', (event) => faults.push(String(event.reason)))
</script></head>
<body>{snippet}</body></html>"
    );
    stage.browser.open(&stage.website.put("/", page)).await
}

/// Nothing was thrown on the page, and its console has no error.
pub async fn is_quiet(stage: &Stage) -> Result<()> {
    assert_eq!(stage.browser.value("faults").await?, serde_json::json!([]));
    let errors: Vec<_> =
        stage.browser.console().await?.into_iter().filter(|line| line.starts_with("SEVERE")).collect();
    assert_eq!(errors, Vec::<String>::new());
    Ok(())
}
