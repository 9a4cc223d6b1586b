//! What every capability is built from: the database, the settings, and what a test must control: time, randomness,
//! DNS and (through [`crate::outbound`]) outgoing HTTP.

use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::{Random, Secret};
use crate::db::{Changes, DatabaseClock, Db, Migrations};
use crate::error::{Error, Result};
use crate::ids::Ids;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::outbound::{Outbound, Resolver};
use crate::subscriber::Subscriber;
use crate::work::Work;
use std::ops::Deref;
use std::sync::Arc;

/// The shared parts of the server, behind one pointer, because it is cloned with the capabilities for every request.
#[derive(Clone)]
pub struct Context(Arc<ContextInner>);

/// The content of a [`Context`].
pub struct ContextInner {
    pub settings: Settings,
    pub db: Db,
    /// The changes that caches are checked against.
    pub changes: Changes,
    pub clock: Clock,
    /// The time that leases, due times and lifetimes go by.
    pub database_clock: DatabaseClock,
    /// The source of ids for stored rows.
    pub ids: Ids,
    pub random: Random,
    pub metrics: Metrics,
    pub resolver: Resolver,
    /// HTTP to hosts that strangers name.
    pub outbound: Outbound,
    pub mail: Mail,
    /// Who hears what ends, in its transaction.
    pub subscribers: Vec<Box<dyn Subscriber>>,
    /// Where work is done whose length depends on what a caller sent.
    pub work: Work,
    /// The secret that all keys are derived from; see [`Context::secret`].
    secret: Option<Secret>,
}

impl Context {
    /// Connects to the database and migrates its tables. Tests control `clock` and `random`.
    pub async fn open(
        settings: Settings,
        migrations: &Migrations,
        subscribers: Vec<Box<dyn Subscriber>>,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let db = Db::connect(&settings.database.database_url).await?;
        db.migrate(migrations).await?;
        let metrics = Metrics::default();
        let changes = Changes::default();
        changes.refresh(&db).await?;
        let database_clock = DatabaseClock::new(&db, clock.clone(), &metrics).await?;
        let resolver = settings.outbound.dns_server.map_or_else(Resolver::system, Resolver::at);
        let resolver =
            resolver.map_err(|error| Error::unavailable("The DNS resolver cannot be set up.", error))?;
        let outbound = Outbound::new(resolver.clone(), None).map_err(Error::internal)?;
        let mail = Mail::new(&settings)?;
        let made_up = || settings.server.dev.then(|| Secret::random(&random));
        let secret = settings.secrets.secret_key.clone().or_else(made_up);
        Ok(Self(Arc::new(ContextInner {
            settings,
            db,
            changes,
            ids: Ids::new(clock.clone()),
            clock,
            database_clock,
            random,
            metrics,
            resolver,
            outbound,
            mail,
            subscribers,
            work: Work::default(),
            secret,
        })))
    }

    /// The secret that all keys are derived from. Commands that sign nothing need none.
    pub fn secret(&self) -> Result<&Secret> {
        self.secret.as_ref().ok_or_else(Settings::no_secret)
    }
}

impl Deref for Context {
    type Target = ContextInner;

    fn deref(&self) -> &ContextInner {
        &self.0
    }
}
