//! One page for each contestant. Everybody's scripts come from one server, which does nothing but that, and all of them lead to the same document of the same module on the same embed server:
//! Typeform's configuration takes its URL, and Cal.com's an origin and a path, to which a [`Detour`] leads.

use super::bundle;
use super::detour::Detour;
use super::packages::Packages;
use super::shelf::Shelf;
use anyhow::Result;
use embed_protocol::frame;
use std::time::Duration;
use stories::slow_line::SlowLine;
use stories::{Browser, Installation, Server, port, repository};

/// Where Typeform's embed.js expects its style sheets; on a page of ours they lie beside it.
const TYPEFORM_CSS: &str = "https://embed.typeform.com/next/css/";

/// The pages of a scene: their paths.
pub const OURS: &str = "/ours";
/// Ours, in an element that is as tall from the beginning as it will be.
pub const RESERVED: &str = "/reserved";
pub const BARE: &str = "/bare";
pub const CAL: &str = "/cal";
pub const TYPEFORM: &str = "/typeform";
pub const EMPTY: &str = "/empty";

/// A running server, pages and peers, and a browser.
pub struct Scene {
    /// The browser.
    pub browser: Browser,
    /// Every connection of the browser goes through one of these.
    lines: [SlowLine; 4],
    origin: String,
    _installation: Installation,
    _server: Server,
    _shelves: [Shelf; 2],
    _detour: Detour,
}

impl Scene {
    /// Sets the scene with this round trip time on every line. `script` runs first on every page; it defines
    /// `mark(name)`, which is called with `ready` when the embed says that it is.
    pub async fn set(packages: &Packages, round_trip: Duration, script: &str) -> Result<Self> {
        let [server_port, page_port, script_port, cal_port] =
            [port::free()?, port::free()?, port::free()?, port::free()?];
        let installation = bundle::serve(Installation::behind(port::free()?, server_port)?);
        let site = installation.create_site().await?;
        let module = installation.publish(&site, &repository("tests/modules/start")).await?;
        installation.allow(&site, &module, page_port, &[]).await?;
        let server = Server::start(&installation).await?;
        let (pages, scripts) = (Shelf::start().await?, Shelf::start().await?);
        let origin = format!("http://localhost:{page_port}");
        let part = frame::part(&site, "light", "inline", &origin);
        let detour = Detour::start(
            installation.port,
            vec![
                (format!("/{part}/embed?"), format!("/{part}/?")),
                (format!(".localhost:{cal_port}"), format!(".localhost:{server_port}")),
            ],
        )
        .await?;
        let lines = [
            SlowLine::start(server_port, installation.port, round_trip).await?,
            SlowLine::start(page_port, pages.port, round_trip).await?,
            SlowLine::start(script_port, scripts.port, round_trip).await?,
            SlowLine::start(cal_port, detour.port, round_trip).await?,
        ];

        let scripts_origin = format!("http://localhost:{script_port}");
        let document = format!("{}/embed/{module}/{part}/", installation.module_origin(&module));
        let page = |head: String, place: String| {
            format!(
                "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Host</title>\
                 <link rel=\"icon\" href=\"data:,\"><script>{script}</script>{head}</head>\
                 <body><h1>Host</h1>{place}<p>What stands below an embed.</p></body></html>"
            )
        };
        let async_script = |url: String| format!("<script async src=\"{url}\"></script>");

        pages.put(
            EMPTY,
            page(String::new(), "<div style=\"height:500px\"></div><script>mark('ready')</script>".into()),
        )?;
        for path in bundle::paths()? {
            scripts.put(&format!("/{path}"), bundle::read(&path)?)?;
        }
        for (path, style) in [(OURS, ""), (RESERVED, "min-height:500px")] {
            let place = format!(
                "<div id=\"place\" data-dramac-embed=\"{module}\" data-site-id=\"{site}\" style=\"{style}\"></div>\
                 <script>place.addEventListener('ready', () => mark('ready'))</script>"
            );
            let loader = format!(
                "<script async src=\"{scripts_origin}/v1/embed.js\" data-dramac-server=\"{server}\" data-dramac-modules=\"{modules}\"></script>",
                server = installation.origin(),
                modules = installation.module_origin("*")
            );
            pages.put(path, page(loader, place))?;
        }

        scripts.put(
            "/bare.js",
            format!(
                "{{ const frame = document.createElement('iframe');
                 frame.name = 'bare';
                 frame.src = '{document}';
                 frame.style.cssText = 'border:0;width:100%;height:500px';
                 addEventListener('message', (event) => {{ if (event.source === frame.contentWindow) mark('ready') }});
                 const insert = () => document.getElementById('place').append(frame);
                 document.getElementById('place') ? insert() : addEventListener('DOMContentLoaded', insert) }}"
            ),
        )?;
        pages.put(
            BARE,
            page(async_script(format!("{scripts_origin}/bare.js")), "<div id=\"place\"></div>".into()),
        )?;

        let embed = packages.read("@typeform/embed/build/embed.js")?;
        scripts.put("/typeform.js", embed.replace(TYPEFORM_CSS, &format!("{scripts_origin}/")))?;
        scripts.put("/widget.css", packages.read("@typeform/embed/build/css/widget.css")?)?;
        pages.put(
            TYPEFORM,
            page(
                format!(
                    "<script>window.formReady = () => mark('ready')</script>{}",
                    async_script(format!("{scripts_origin}/typeform.js"))
                ),
                format!(
                    "<div data-tf-widget=\"{}\" data-tf-on-ready=\"formReady\" style=\"width:100%;height:500px\"></div>",
                    document
                ),
            ),
        )?;

        scripts.put("/cal.js", packages.read("@calcom/embed-core/dist/embed/embed.js")?)?;
        pages.put(
            CAL,
            page(
                String::new(),
                format!(
                    "<div id=\"place\" style=\"width:100%;height:500px\"></div>\
                     <script>{snippet}</script><script>
                       snippet.default('{scripts_origin}/cal.js');
                       Cal('init', {{ origin: 'http://{module}.localhost:{cal_port}' }});
                       Cal('on', {{ action: 'linkReady', callback: () => mark('ready') }});
                       Cal('inline', {{ elementOrSelector: '#place', calLink: 'embed/{module}/{part}' }});
                     </script>",
                    snippet = packages.read("@calcom/embed-snippet/dist/snippet.umd.js")?
                ),
            ),
        )?;

        let browser = Browser::start().await?;
        let (_installation, _server, _shelves) = (installation, server, [pages, scripts]);
        Ok(Self { browser, lines, origin, _installation, _server, _shelves, _detour: detour })
    }

    /// Opens a page with an empty cache and without any connection.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.browser.open("about:blank").await?;
        self.browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await?;
        self.lines.iter().for_each(SlowLine::hang_up);
        self.browser.open(&format!("{}{path}", self.origin)).await
    }
}
