//! Signing in: a person proves that an address is theirs, with a code, with GitHub or with a link, and a session of
//! [`Accounts`] begins. A caller that guesses learns nothing, not even which addresses exist.

mod codes;
mod github;
mod links;
mod mails;
mod store;

pub use codes::{CODES_PER_DAY, CODES_PER_MINUTE, CODES_PER_NETWORK, GUESSES_PER_DAY, TRIES};
pub use github::{GitHub, SignInAttempt};
pub use links::LinkKind;

use crate::accounts::Accounts;
use embed_base::{Code, Context, Error, Result};

/// Signing in. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    context: Context,
    accounts: Accounts,
    github: Option<GitHub>,
}

impl SignIn {
    pub fn new(context: &Context, accounts: Accounts) -> Result<Self> {
        Ok(Self { context: context.clone(), accounts, github: GitHub::new(context)? })
    }

    /// Whether people can sign in with GitHub.
    pub fn has_github(&self) -> bool {
        self.github.is_some()
    }

    /// The client of GitHub; 404 `no_github` where no app is configured.
    pub fn github(&self) -> Result<&GitHub> {
        self.github.as_ref().ok_or_else(|| {
            let detail = "Signing in with GitHub is not set up on this server. Set EMBED_GITHUB_CLIENT_ID and EMBED_GITHUB_CLIENT_SECRET.";
            Error::new(Code::NoGithub, detail)
        })
    }

    /// Deletes expired codes and links.
    pub async fn prune(&self) -> Result<()> {
        let mut tx = self.context.db.begin_global().await?;
        store::prune(&mut tx, self.context.clock.now()).await?;
        tx.commit().await
    }
}
