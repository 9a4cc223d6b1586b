//! Simulated visits of the demo's websites at its start, so that the console and the example apps have something to show.

use super::Guide;
use embed_base::outbound::client_for_settings;
use embed_base::{Error, Result};
use embed_protocol::EmbedType;
use serde_json::json;
use uuid::Uuid;

/// What two visitors have sent with the feedback form.
const ENTRIES: [(u8, &str); 2] = [(3, "The map took a while."), (5, "Booked in a minute.")];

/// Visits every module on the allowed website as each embed type, tries each on the other website, sends the form, and reads
/// its entries with the page's token.
pub(super) async fn simulate(guide: &Guide) -> Result<()> {
    let client = client_for_settings().map_err(Error::internal)?;
    for &module in guide.modules.values() {
        for kind in EmbedType::ALL {
            verify(&client, guide, module, &guide.allowed, kind.as_str()).await?;
        }
        verify(&client, guide, module, &guide.stranger, EmbedType::Inline.as_str()).await?;
    }
    let feedback = guide.modules.get("feedback").copied().unwrap_or_default();
    let entries = format!("{}/api/v1/modules/{feedback}/records/entries", guide.server);
    for (rating, comment) in ENTRIES {
        let entry = json!({ "rating": rating, "comment": comment }).to_string();
        let sent = client.post(&entries).bearer_auth(&guide.token);
        let sent = sent.header("Content-Type", "application/json").body(entry).send();
        sent.await.map_err(Error::internal)?;
    }
    let read = client.get(entries).header("Origin", &guide.allowed).bearer_auth(&guide.page_token);
    read.send().await.map(|_| ()).map_err(Error::internal)
}

/// Sends the verify request that a page sends before it shows a module.
async fn verify(
    client: &reqwest::Client,
    guide: &Guide,
    module: Uuid,
    origin: &str,
    kind: &str,
) -> Result<()> {
    let body = json!({ "siteId": guide.site_id, "moduleId": module, "origin": origin, "type": kind });
    let request = client.post(format!("{}{}", guide.server, embed_protocol::verify::PATH));
    let request =
        request.header("Origin", origin).header("Content-Type", "text/plain").body(body.to_string());
    request.send().await.map(|_| ()).map_err(Error::internal)
}
