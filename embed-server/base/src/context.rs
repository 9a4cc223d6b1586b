//! What every capability is built from: the database, the settings, and whatever a test must be able to hold still:
//! time, randomness, DNS and (through [`crate::outbound`]) outgoing HTTP.

use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::{Random, Secret};
use crate::db::{Changes, DatabaseClock, Db, Migrations};
use crate::error::{Error, Result};
use crate::ids::Ids;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::outbound::{Outbound, Resolver};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::Notify;

/// The ground that the capabilities stand on, behind one pointer: it is cloned with them for every request.
#[derive(Clone)]
pub struct Context(Arc<Ground>);

/// What a [`Context`] points to.
pub struct Ground {
    /// What the operator has set.
    pub settings: Settings,
    /// The database.
    pub db: Db,
    /// What has changed, for caches.
    pub changes: Changes,
    /// The time.
    pub clock: Clock,
    /// The time that leases, due times and lifetimes go by.
    pub database_clock: DatabaseClock,
    /// Ids of what is stored.
    pub ids: Ids,
    /// Wakes this process's worker when a job was queued: a hint, because the worker looks by itself too.
    pub job_signal: Notify,
    /// Randomness.
    pub random: Random,
    /// What is counted, for whoever watches.
    pub metrics: Metrics,
    /// DNS.
    pub resolver: Resolver,
    /// Calls to hosts that strangers name.
    pub outbound: Outbound,
    /// Letters to people.
    pub mail: Mail,
    /// What everything is signed with; see [`Context::secret`].
    secret: Option<Secret>,
}

impl Context {
    /// Connects to the database and brings its tables up to date. `clock` and `random` are what a test controls.
    pub async fn open(
        settings: Settings,
        migrations: &Migrations,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let db = Db::connect(&settings.database.database_url).await?;
        db.migrate(migrations).await?;
        let metrics = Metrics::default();
        let changes = Changes::default();
        changes.refresh(&db).await?;
        let database_clock = DatabaseClock::new(&db, clock.clone()).await?;
        let resolver = settings.outbound.dns_server.map_or_else(Resolver::system, Resolver::at);
        let resolver =
            resolver.map_err(|error| Error::unavailable("The DNS resolver cannot be set up.", error))?;
        let outbound = Outbound::new(resolver.clone(), None).map_err(Error::internal)?;
        let mail = Mail::new(&settings)?;
        let made_up = || settings.server.dev.then(|| Secret::random(&random));
        let secret = settings.secrets.secret_key.clone().or_else(made_up);
        Ok(Self(Arc::new(Ground {
            settings,
            db,
            changes,
            ids: Ids::new(clock.clone()),
            clock,
            database_clock,
            job_signal: Notify::new(),
            random,
            metrics,
            resolver,
            outbound,
            mail,
            secret,
        })))
    }

    /// The secret to sign with, the same for the whole life of this process: commands that sign nothing need none.
    pub fn secret(&self) -> Result<&Secret> {
        self.secret.as_ref().ok_or_else(Settings::no_secret)
    }
}

impl Deref for Context {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.0
    }
}
