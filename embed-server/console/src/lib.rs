//! The operators' web pages: everything that the command line does, in the same words, for people who sign in.
//!
//! Pages are made on the server and work without JavaScript; a small script copies snippets, keeps charts current and
//! answers the preview's handshake. Every page passes the [`gate`], which finds the session, refuses what other websites
//! send, and turns errors into pages. Who may open what stands in the handlers' signatures, as on the API.

mod pages;
mod shell;

pub use shell::gate::{error_page, gate};

use aide::axum::ApiRouter;
use axum::extract::FromRef;
use embed_base::Context;
use embed_base::Result;
use embed_base::crypto::{SigningKey, equal, hex};
use embed_base::limits::RateLimits;
use embed_core::accounts::{Accounts, GitHub};
use embed_core::activity::Activity;
use embed_core::domains::Domains;
use embed_core::embed::PreviewKey;
use embed_core::modules::Modules;
use embed_core::requests::Requests;
use embed_core::sites::Sites;
use embed_core::tokens::Tokens;
use embed_core::views::Views;
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

/// What the pages need besides the capabilities that they show. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Parts>);

struct Parts {
    context: Context,
    forms: SigningKey,
    preview: PreviewKey,
    github: Option<GitHub>,
}

impl Console {
    /// Builds it; fails without a secret to sign with.
    pub fn new(context: &Context) -> Result<Self> {
        let secret = context.secret()?;
        Ok(Self(Arc::new(Parts {
            context: context.clone(),
            forms: secret.key("console form"),
            preview: PreviewKey::new(secret),
            github: GitHub::new(context)?,
        })))
    }

    /// Where browsers reach the pages: the origin that forms must come from.
    fn origin(&self) -> &str {
        &self.0.context.settings.server.public_url
    }

    /// Whether browsers come by https, so that cookies can be kept to it.
    fn is_secure(&self) -> bool {
        self.origin().starts_with("https://")
    }

    /// Whether browsers come in a way that nobody on the network can read: by https, or from this very machine.
    fn is_private(&self) -> bool {
        let url = Url::parse(self.origin()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        self.is_secure()
            || matches!(host, "localhost" | "127.0.0.1" | "[::1]")
            || host.ends_with(".localhost")
    }

    /// What the forms of a session carry, so that no other website can fill them in.
    fn form_token(&self, session: Uuid) -> String {
        hex(&self.0.forms.sign(session.as_bytes()))
    }

    fn is_form_token(&self, session: Uuid, text: &str) -> bool {
        equal(self.form_token(session).as_bytes(), text.as_bytes())
    }
}

/// `/console` and below.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Activity: FromRef<S>,
    Console: FromRef<S>,
    Domains: FromRef<S>,
    Requests: FromRef<S>,
    Sites: FromRef<S>,
    Tokens: FromRef<S>,
    Views: FromRef<S>,
    Arc<Modules>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    pages::sign_in::router()
        .merge(pages::overview::router())
        .merge(pages::activity::router())
        .merge(pages::people::router())
        .merge(pages::account::router())
        .merge(pages::sites::router())
        .merge(pages::modules::router())
        .merge(pages::domains::router())
        .merge(pages::tokens::router())
        .merge(pages::requests::router())
        .merge(shell::assets::router())
}
