//! Settings: what an operator may set, where, and what each means.
//!
//! A flag wins over the environment, the environment over `embed-server.toml`, the file over the default. A setting that
//! is unknown or wrong stops the start with its name, its section and what was expected; nothing is ignored in silence.
//!
//! A setting is one row in the file of its section. Parser, `--help`, `doctor` and the README's table are made from it.

mod bundle;
mod database;
mod flags;
mod given;
mod known;
mod limits;
mod logs;
mod mail;
mod outbound;
mod problem;
#[cfg(test)]
mod readme;
mod secret_text;
mod secrets;
mod server;
mod setting;
mod sign_in;
mod storage;
mod values;

pub use bundle::BundleSettings;
pub use database::{DatabaseSettings, DatabaseUrl};
pub use flags::Flags;
pub use limits::LimitSettings;
pub use logs::LogSettings;
pub use mail::MailSettings;
pub use outbound::OutboundSettings;
pub use problem::{Problem, Problems};
pub use secret_text::SecretText;
pub use secrets::SecretSettings;
pub use server::{ModuleHost, ServerSettings};
pub use setting::{Flag, Section, Setting};
pub use sign_in::{GitHubApp, SignInSettings};
pub use storage::StorageSettings;

use crate::error::{Error, Result};
use given::Given;

/// Every section, in the order of `--help` and of the README.
pub const SECTIONS: &[Section] = &[
    DatabaseSettings::SECTION,
    ServerSettings::SECTION,
    SecretSettings::SECTION,
    StorageSettings::SECTION,
    BundleSettings::SECTION,
    OutboundSettings::SECTION,
    MailSettings::SECTION,
    SignInSettings::SECTION,
    LimitSettings::SECTION,
    LogSettings::SECTION,
];

/// Everything that can be set, checked. It holds secrets, so it cannot be printed.
#[derive(Clone)]
#[expect(missing_docs, reason = "each section says it")]
pub struct Settings {
    pub database: DatabaseSettings,
    pub server: ServerSettings,
    pub secrets: SecretSettings,
    pub storage: StorageSettings,
    pub bundle: BundleSettings,
    pub outbound: OutboundSettings,
    pub mail: MailSettings,
    pub sign_in: SignInSettings,
    pub limits: LimitSettings,
    pub logs: LogSettings,
}

impl Settings {
    /// Reads the flags of this command, the environment and the file.
    pub fn load(flags: Flags) -> Result<Self, Problems> {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        Self::read(Given::collect(flags, environment))
    }

    /// The settings of a process whose environment is `environment` alone; how tests start a server.
    pub fn from_environment<'a>(environment: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self> {
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value));
        Ok(Self::read(Given::collect(Flags::default(), environment))?)
    }

    fn read(mut given: Given) -> Result<Self, Problems> {
        let database = DatabaseSettings::read(&mut given);
        let server = ServerSettings::read(&mut given);
        let settings = Self {
            secrets: SecretSettings::read(&mut given),
            storage: StorageSettings::read(&mut given, &database),
            bundle: BundleSettings::read(&mut given),
            outbound: OutboundSettings::read(&mut given),
            mail: MailSettings::read(&mut given, &server),
            sign_in: SignInSettings::read(&mut given),
            limits: LimitSettings::read(&mut given),
            logs: LogSettings::read(&mut given),
            database,
            server,
        };
        match given.into_problems() {
            problems if problems.is_empty() => Ok(settings),
            problems => Err(Problems(problems)),
        }
    }

    /// Refuses settings with which nothing can be signed: there is no default, because a key that everybody knows signs for
    /// everybody. In development one is made up.
    pub fn require_secret(&self) -> Result<()> {
        if self.secrets.secret_key.is_some() || self.server.dev { Ok(()) } else { Err(Self::no_secret()) }
    }

    /// The error where no secret is set.
    pub fn no_secret() -> Error {
        Error::invalid(
            "EMBED_SECRET_KEY is not set. Make one with `openssl rand -base64 32`, keep it safe, and set it for every server of this installation.",
        )
    }
}

#[cfg(test)]
mod tests;
