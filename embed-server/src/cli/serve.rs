//! `embed-server serve`.

use crate::app::Server;
use crate::log::Log;
use crate::shutdown;
use embed_base::Result;
use embed_base::config::Settings;
use embed_core::accounts::Accounts;
use embed_core::sign_in::SignIn;

pub(super) async fn run(settings: Settings) -> Result<()> {
    let _log = Log::start(&settings);
    // Checked first, because a server that cannot sign must not touch the database.
    settings.require_secret()?;
    if let Some(warning) = settings.server.dev_in_public() {
        tracing::warn!("{warning}");
    }
    let public_url = settings.server.public_url.clone();
    let context = crate::open(settings).await?;
    let server = Server::start(context.clone()).await?;
    tracing::info!(address = %server.address(), public_url, "listening");
    let sign_in = SignIn::new(&context, Accounts::new(&context))?;
    if let Some(link) = sign_in.first_owner_link().await? {
        let link = format!("{public_url}{link}");
        tracing::warn!(
            link,
            "this installation has no owner yet; the first person to open this link within a day becomes its owner"
        );
    }
    shutdown::requested().await?;
    tracing::info!("stopping: open requests are finished first");
    server.stop().await;
    Ok(())
}
