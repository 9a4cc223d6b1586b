//! `embed-server serve`.

use crate::app::Server;
use crate::log::Log;
use crate::shutdown;
use embed_base::Result;
use embed_base::config::Settings;
use embed_core::accounts::Accounts;

pub(super) async fn run(settings: Settings) -> Result<()> {
    let _log = Log::start(&settings);
    // Asked for before anything is opened: a server that cannot sign should not touch the database.
    settings.require_secret()?;
    let public_url = settings.server.public_url.clone();
    let context = crate::open(settings).await?;
    let server = Server::start(context.clone()).await?;
    tracing::info!(address = %server.address(), public_url, "listening");
    if let Some(link) = Accounts::new(&context).first_owner_link().await? {
        let link = format!("{public_url}{link}");
        tracing::warn!(
            link,
            "nobody manages this installation yet; whoever follows this link within a day is its first owner"
        );
    }
    shutdown::requested().await?;
    tracing::info!("stopping: requests under way are finished first");
    server.stop().await;
    Ok(())
}
