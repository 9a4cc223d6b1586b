//! The operators' web pages: everything that the command line does, in the same words, for people who sign in.
//!
//! Pages are rendered on the server and work without JavaScript; a small script copies snippets, keeps charts current and
//! answers the preview's handshake. The [`gate`] is a middleware around every page: it finds the session, refuses forms of
//! other websites, and turns errors into pages. Each handler's signature states the role that its page needs, as on the API.

mod pages;
mod shell;

pub use pages::SIGN_IN_ATTEMPTS;
pub use shell::gate::{error_page, gate};

use aide::axum::ApiRouter;
use axum::extract::FromRef;
use embed_base::Result;
use embed_base::crypto::{SigningKey, equal, hex};
use embed_core::embed::PreviewKey;
use embed_core::services::Services;
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

/// The state of every page. Cheap to clone.
#[derive(Clone)]
pub struct ConsoleState(Arc<Parts>);

struct Parts {
    services: Services,
    forms: SigningKey,
    preview: PreviewKey,
}

impl ConsoleState {
    /// Fails without a secret to sign with.
    pub fn new(services: Services) -> Result<Self> {
        let secret = services.context.secret()?;
        Ok(Self(Arc::new(Parts {
            forms: secret.key("console form"),
            preview: PreviewKey::new(secret),
            services,
        })))
    }

    /// The origin of the pages, which forms must come from.
    fn origin(&self) -> &str {
        &self.0.services.context.settings.server.public_url
    }

    /// Whether browsers use https, so that cookies can be `Secure`.
    fn is_secure(&self) -> bool {
        self.origin().starts_with("https://")
    }

    /// Whether nobody on the network can read the connection: it uses https, or stays on this machine.
    fn is_private(&self) -> bool {
        let url = Url::parse(self.origin()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        self.is_secure()
            || matches!(host, "localhost" | "127.0.0.1" | "[::1]")
            || host.ends_with(".localhost")
    }

    /// The token in every form of a session, which another website cannot know.
    fn form_token(&self, session: Uuid) -> String {
        hex(&self.0.forms.sign(session.as_bytes()))
    }

    fn is_form_token(&self, session: Uuid, text: &str) -> bool {
        equal(self.form_token(session).as_bytes(), text.as_bytes())
    }
}

/// Lets a page extract the capabilities alone.
impl FromRef<ConsoleState> for Services {
    fn from_ref(console: &ConsoleState) -> Self {
        console.0.services.clone()
    }
}

/// `/console` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    pages::sign_in::router()
        .merge(pages::connected_apps::router())
        .merge(pages::consent::router())
        .merge(pages::overview::router())
        .merge(pages::activity::router())
        .merge(pages::people::router())
        .merge(pages::account::router())
        .merge(pages::sites::router())
        .merge(pages::modules::router())
        .merge(pages::domains::router())
        .merge(pages::clients::router())
        .merge(pages::tokens::router())
        .merge(pages::requests::router())
        .merge(shell::assets::router())
}
