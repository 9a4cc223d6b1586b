//! The snippets that embed a module in a website.

use crate::ConsoleState;
use crate::shell::elements::copyable;
use embed_core::modules::Module;
use embed_protocol::EmbedType;
use maud::{Markup, html};

/// Renders every snippet, with the simplest one first and open.
pub fn all(console: &ConsoleState, module: &Module, types: &[EmbedType]) -> Markup {
    let settings = &console.0.services.context.settings;
    let loader =
        format!("{}/v1/embed.js", settings.bundle.cdn_url.as_deref().unwrap_or(&settings.server.public_url));
    let (site, id) = (module.site_id, module.id);
    // Elements are inline by default, calls are widgets.
    let first = types.first().copied().unwrap_or(EmbedType::Inline);
    let kind = if types.contains(&EmbedType::Inline) { EmbedType::Inline } else { first };
    let script = format!("<script async src=\"{loader}\"></script>\n");
    let attribute =
        |name: &str| if kind == EmbedType::Inline { String::new() } else { format!(" {name}=\"{kind}\"") };
    let container = if kind == EmbedType::Inline { ", container: '#embed'" } else { "" };
    let target = if kind == EmbedType::Inline { "<div id=\"embed\"></div>\n" } else { "" };
    let call = format!("{{ siteId: '{site}', moduleId: '{id}', type: '{kind}'{container} }}");
    let element = format!(
        "{script}<div data-dramac-embed=\"{id}\" data-site-id=\"{site}\"{}></div>",
        attribute("data-type")
    );
    let script_tag = format!(
        "{script}{target}<script>\n  window.Dramac = window.Dramac || function () {{ (Dramac.q = Dramac.q || []).push(arguments) }}\n  Dramac('embed', {call})\n</script>"
    );
    let custom =
        format!("{script}<dramac-embed module=\"{id}\" site=\"{site}\"{}></dramac-embed>", attribute("type"));
    let npm = format!(
        "import {{ load, embed }} from '@dramac/embed'\n\nload({{ src: '{loader}' }})\nconst handle = await embed({call})"
    );
    let ways = [
        ("snippet-attribute", "Data attribute", "For pages where you can only paste HTML.", element),
        ("snippet-script", "Script tag", "For pages whose own script embeds the module.", script_tag),
        ("snippet-element", "Custom element", "With attributes that can change, and DOM events.", custom),
        (
            "snippet-npm",
            "npm",
            "For websites with a bundler. The package @dramac/embed is in no public registry: the operator of this server builds and publishes it.",
            npm,
        ),
    ];
    html! {
        div.ways {
            @for (index, (id, name, when, text)) in ways.iter().enumerate() {
                details open[index == 0] {
                    summary { (name) " " span.hint { (when) } }
                    (copyable(id, &format!("Snippet: {name}"), text))
                }
            }
        }
    }
}
