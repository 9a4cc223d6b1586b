//! The one place that makes a [`Context`]: `serve`, `demo`, every command and every test use it.

use embed_base::clock::Clock;
use embed_base::config::Settings;
use embed_base::crypto::Random;
use embed_base::db::Migrations;
use embed_base::subscriber::Subscriber;
use embed_base::{Context, Result};
use embed_core::oauth::GrantEnder;
use sqlx::migrate;

/// Connects to the database and brings its tables up to date.
pub async fn open(settings: Settings) -> Result<Context> {
    open_with(settings, Clock::default(), Random::default()).await
}

/// The same, with a clock and randomness that a test controls.
pub async fn open_with(settings: Settings, clock: Clock, random: Random) -> Result<Context> {
    let migrations = Migrations::new(migrate!("migrations/sqlite"), migrate!("migrations/postgres"));
    let subscribers: Vec<Box<dyn Subscriber>> = vec![Box::new(GrantEnder)];
    Context::open(settings, &migrations, subscribers, clock, random).await
}
