//! `embed-server keys`.

use crate::output::{Output, Readable};
use clap::Subcommand;
use embed_base::{Context, Error, Result};
use embed_core::accounts::Accounts;
use embed_core::modules::Modules;
use embed_core::oauth::{OAuth, RotatedKeys};
use embed_core::sites::Sites;
use std::fmt;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Let the next key sign from now on
    Rotate {
        /// The keys that sign access tokens of external apps
        #[arg(long)]
        oauth: bool,
        /// End this key, and every token that it signed, at once
        #[arg(long, value_name = "KID", requires = "oauth")]
        compromised: Option<String>,
    },
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let Command::Rotate { oauth, compromised } = command;
    if !oauth {
        return Err(Error::invalid("Say which keys to rotate: --oauth, the keys that sign access tokens."));
    }
    let modules = Modules::new(&context)?;
    let oauth = OAuth::new(&context, Accounts::new(&context), modules, Sites::new(&context));
    output.print(&oauth.rotate_keys(compromised.as_deref()).await?)
}

impl Readable for RotatedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signs from now on, in place of {}.", self.signing, self.ended)?;
        if self.unknown_to_some {
            let known = "It was published less than ten minutes ago, so programs that check tokens themselves may not know it yet.";
            write!(f, "\n{known}")?;
        }
        Ok(())
    }
}
