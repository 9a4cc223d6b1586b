//! The SQL of modules.

use super::manifest::Manifest;
use super::stored_manifest::StoredManifest;
use super::{Module, Version, WhoMayConsent};
use chrono::{DateTime, Utc};
use embed_base::db::{OnUnique, Tx, execute, on};
use embed_base::files::Digest;
use embed_base::{Code, Error, Result};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `module_versions`.
#[derive(Debug, FromRow)]
pub(super) struct StoredVersion {
    pub id: Uuid,
    pub site_id: Uuid,
    pub manifest: Json<StoredManifest>,
}

/// A row of `module_files`.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct StoredFile {
    pub path: String,
    pub sha256: Digest,
    pub size: i64,
    pub content_type: String,
}

/// The columns of [`Module`].
macro_rules! select_module {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.site_id, m.name, v.version, m.oauth_who, m.created_at, m.updated_at
             FROM site_modules m LEFT JOIN module_versions v ON v.id = m.current_version_id WHERE m.site_id = $1 ",
            $rest
        )
    };
}

pub(super) async fn page(tx: &mut Tx, site: Uuid, after: Uuid, most: i64) -> Result<Vec<Module>> {
    let text = select_module!("AND m.id > $2 ORDER BY m.id LIMIT $3");
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(after).bind(most).fetch_all(conn).await)?)
}

pub(super) async fn find(tx: &mut Tx, site: Uuid, module: Uuid) -> Result<Option<Module>> {
    let text = select_module!("AND m.id = $2");
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(module).fetch_optional(conn).await)?)
}

pub(super) async fn find_by_name(tx: &mut Tx, site: Uuid, name: &str) -> Result<Option<Module>> {
    let text = select_module!("AND m.name = $2");
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(name).fetch_optional(conn).await)?)
}

/// The newest versions before an id.
pub(super) async fn versions(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    before: Uuid,
    most: i64,
) -> Result<Vec<Version>> {
    let text = "SELECT v.id, v.version, v.published_at, COUNT(f.path) AS files,
         CAST(COALESCE(SUM(f.size), 0) AS BIGINT) AS bytes
         FROM module_versions v LEFT JOIN module_files f ON f.version_id = v.id
         WHERE v.site_id = $1 AND v.module_id = $2 AND v.id < $3
         GROUP BY v.id, v.version, v.published_at ORDER BY v.id DESC LIMIT $4";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(module).bind(before).bind(most).fetch_all(conn).await
    })?)
}

pub(super) async fn version(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    version: &str,
) -> Result<Option<StoredVersion>> {
    let text = "SELECT id, site_id, manifest FROM module_versions WHERE site_id = $1 AND module_id = $2 AND version = $3";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(module).bind(version).fetch_optional(conn).await
    })?)
}

/// For a global transaction: a version of a module, or the served one; none of a module that is unpublished.
pub(super) async fn served(
    tx: &mut Tx,
    module: Uuid,
    version: Option<&str>,
) -> Result<Option<StoredVersion>> {
    let text =
        "SELECT v.id, v.site_id, v.manifest FROM module_versions v JOIN site_modules m ON m.id = v.module_id
         WHERE m.id = $1 AND m.current_version_id IS NOT NULL
         AND (v.version = $2 OR ($2 IS NULL AND v.id = m.current_version_id))";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(module).bind(version).fetch_optional(conn).await)?)
}

pub(super) async fn files(tx: &mut Tx, version: Uuid) -> Result<Vec<StoredFile>> {
    let text =
        "SELECT path, sha256, size, content_type FROM module_files WHERE version_id = $1 ORDER BY path";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(version).fetch_all(conn).await)?)
}

pub(super) async fn insert(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    name: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let text =
        "INSERT INTO site_modules (id, site_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)";
    execute!(tx, sqlx::query(text).bind(module).bind(site).bind(name).bind(now))
        .on_unique(&["site_id", "name"], || name_taken(name))?;
    Ok(())
}

pub(super) async fn insert_version(
    tx: &mut Tx,
    (site, module, id): (Uuid, Uuid, Uuid),
    manifest: &Manifest,
    files: &[StoredFile],
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "INSERT INTO module_versions (id, site_id, module_id, version, entry, manifest, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(id)
            .bind(site)
            .bind(module)
            .bind(&manifest.version)
            .bind(manifest.entry.as_str())
            .bind(Json(manifest))
            .bind(now)
    )
    .on_unique(&["module_id", "version"], || {
        let detail = format!(
            "Version {} was just published by someone else; raise `version` in module.json.",
            manifest.version
        );
        Error::new(Code::VersionExists, detail)
    })?;
    let text = "INSERT INTO module_files (site_id, version_id, path, sha256, size, content_type)
         VALUES ($1, $2, $3, $4, $5, $6)";
    for file in files {
        execute!(
            tx,
            sqlx::query(text)
                .bind(site)
                .bind(id)
                .bind(&file.path)
                .bind(&file.sha256)
                .bind(file.size)
                .bind(&file.content_type)
        )?;
    }
    Ok(())
}

/// Sets the version that is served in one row, so that a reader sees either the old version or the new.
pub(super) async fn switch(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    name: &str,
    version: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "UPDATE site_modules SET name = $1, current_version_id = $2, updated_at = $3 WHERE site_id = $4 AND id = $5";
    execute!(tx, sqlx::query(text).bind(name).bind(version).bind(now).bind(site).bind(module))
        .on_unique(&["site_id", "name"], || name_taken(name))?;
    Ok(())
}

/// Sets whose consent apps may ask for; `false` where there is no such module.
pub(super) async fn set_oauth_who(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    who: WhoMayConsent,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE site_modules SET oauth_who = $1, updated_at = $2 WHERE site_id = $3 AND id = $4";
    Ok(execute!(tx, sqlx::query(text).bind(who.as_str()).bind(now).bind(site).bind(module))? == 1)
}

fn name_taken(name: &str) -> Error {
    let detail = format!(
        "Another module of the site is called {name}. Choose another `name` in module.json, or publish with its --module ID."
    );
    Error::new(Code::ModuleExists, detail)
}
