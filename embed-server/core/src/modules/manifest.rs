//! `module.json`, the manifest of a module.

use crate::modules::path::FilePath;
use crate::modules::schema::RecordSchema;
use crate::strict_json;
use embed_base::http::without_mark;
use embed_base::names;
use embed_base::{Code, Error, Result};
use embed_protocol::EmbedType;
use embed_protocol::verify::Launcher;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The manifest's file name in a bundle.
pub const FILE_NAME: &str = "module.json";
/// The largest manifest, in bytes.
pub const MAX_BYTES: u64 = 256 * 1024;

/// The most collections of a module.
const MOST_COLLECTIONS: usize = 50;
/// The most values of all schemas together, with their references written out.
const MOST_SCHEMA_VALUES: u64 = 30_000;
const LONGEST_NAME: usize = 100;
const LONGEST_VERSION: usize = 64;
const LONGEST_LABEL: usize = 100;
const LONGEST_ICON: usize = 4096;

/// Features that a document may only use if its `Permissions-Policy` allows them (those that browsers agree on, W3C
/// "Policy Controlled Features"). A document may use those that its module's manifest lists.
pub const PERMISSIONS: &[&str] = &[
    "accelerometer",
    "autoplay",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
    "web-share",
    "xr-spatial-tracking",
];

/// The bounds of manifests, as `docs/limits.md` lists them.
pub(super) fn bounds() -> Vec<(&'static str, usize)> {
    vec![
        ("KiB of `module.json`", (MAX_BYTES / 1024) as usize),
        ("collections of a module", MOST_COLLECTIONS),
        ("values of all schemas of a module", MOST_SCHEMA_VALUES as usize),
        ("characters of a module's name", LONGEST_NAME),
    ]
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The module's name, which is also the title of its frame.
    pub name: String,
    /// The name of this content: a version never changes once it is published.
    pub version: String,
    /// The framed document.
    #[serde(default = "default_entry")]
    pub entry: FilePath,
    /// The types as which the module may appear.
    #[serde(default = "every_type")]
    pub embed_types: Vec<EmbedType>,
    #[serde(default)]
    pub launcher: Launcher,
    /// The browser features that it uses, each one of `PERMISSIONS`.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Its kinds of records, by name.
    #[serde(default)]
    pub collections: BTreeMap<String, Collection>,
    /// The settings that operators can change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<ModuleSettings>,
}

/// A kind of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// The JSON Schema of a record's data.
    #[serde(default)]
    pub schema: Map<String, Value>,
    /// What visitors may do with the records; nothing by default.
    #[serde(default)]
    pub visitors: Vec<Action>,
}

/// What can be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Make a new one.
    Create,
    /// Read and list.
    Read,
    /// Change one; whoever may, sees it.
    Update,
    /// Remove one.
    Delete,
}

/// The settings that operators can change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSettings {
    /// The JSON Schema of the settings.
    pub schema: Map<String, Value>,
}

impl Manifest {
    /// Parses and checks the bytes of a `module.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let bytes = without_mark(bytes);
        // A name that stands twice would be read as either of its values, by whoever reads the manifest.
        strict_json::read(bytes).map_err(|error| refused(format!("{error}.")))?;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = |json| -> Result<Self, _> { serde_path_to_error::deserialize(json) };
        let mut manifest = read(&mut json).map_err(|error| match error.path().to_string() {
            // Where the JSON itself is broken, there is only a line to name.
            path if path == "." || path.contains('?') => refused(format!("{}.", error.inner())),
            path => refused(format!("`{path}`: {}.", error.inner())),
        })?;
        json.end().map_err(|error| refused(format!("{error}.")))?;
        manifest.name = names::normalized(&manifest.name);
        manifest.launcher.label = manifest.launcher.label.as_deref().map(names::normalized);
        manifest.check().map_err(refused)?;
        Ok(manifest)
    }

    /// The sentence about a collection that it does not declare.
    pub fn no_collection(&self, name: &str) -> String {
        let declared: Vec<_> = self.collections.keys().map(String::as_str).collect();
        let declared = if declared.is_empty() { "none".to_owned() } else { declared.join(", ") };
        let shown: String = name.chars().take(64).collect();
        let shown = shown.escape_debug();
        format!("{} has no collection `{shown}`; its module.json declares {declared}.", self.name)
    }

    fn check(&self) -> Result<(), String> {
        let name_length = self.name.chars().count();
        if self.name.trim() != self.name
            || name_length == 0
            || name_length > LONGEST_NAME
            || has_control(&self.name)
        {
            return Err(format!(
                "`name` must be 1 to {LONGEST_NAME} characters in one line, without spaces around."
            ));
        }
        check_seen("name", &self.name)?;
        if !is_version(&self.version) {
            return Err(format!(
                "`version` is `{}`; expected letters, digits, dots, hyphens and underscores, such as 1.0.0.",
                self.version.escape_debug()
            ));
        }
        if !matches!(self.entry.extension(), Some("html" | "htm")) {
            return Err(format!("`entry` is `{}`; expected an HTML file, such as index.html.", self.entry));
        }
        if self.embed_types.is_empty() {
            return Err(
                "`embedTypes` is empty, so the module could not appear; leave it out to allow every type."
                    .into(),
            );
        }
        check_launcher(&self.launcher)?;
        for permission in &self.permissions {
            if !PERMISSIONS.contains(&permission.as_str()) {
                let permitted = PERMISSIONS.join(", ");
                return Err(format!(
                    "`permissions` lists `{}`; expected some of {permitted}.",
                    permission.escape_debug()
                ));
            }
        }
        if self.collections.len() > MOST_COLLECTIONS {
            return Err(format!("`collections` has more than {MOST_COLLECTIONS} collections."));
        }
        let mut weight = 0;
        for (name, collection) in &self.collections {
            weight += check_collection(name, collection)?;
            if weight > MOST_SCHEMA_VALUES {
                return Err(format!(
                    "The schemas of `collections` have more than {MOST_SCHEMA_VALUES} values together, with their references written out; use fewer or smaller schemas."
                ));
            }
        }
        Ok(())
    }
}

/// Checks a collection and returns the weight of its schema.
fn check_collection(name: &str, collection: &Collection) -> Result<u64, String> {
    if !is_collection_name(name) {
        return Err(format!(
            "`collections` has `{}`; expected a name of lower-case letters, digits, hyphens and underscores that begins with a letter.",
            name.escape_debug()
        ));
    }
    RecordSchema::check(&collection.schema)
        .map_err(|reason| format!("`collections.{name}.schema` is not a JSON Schema for records: {reason}"))
}

/// Refuses a text with characters that are not seen.
fn check_seen(member: &str, text: &str) -> Result<(), String> {
    match names::invisible(text) {
        Some(invisible) => {
            Err(format!("`{member}` has the character {invisible}, which nobody sees; leave it out."))
        }
        None => Ok(()),
    }
}

fn check_launcher(launcher: &Launcher) -> Result<(), String> {
    if let Some(label) = &launcher.label
        && (label.trim().is_empty() || label.chars().count() > LONGEST_LABEL || has_control(label))
    {
        return Err(format!("`launcher.label` must be 1 to {LONGEST_LABEL} characters in one line."));
    }
    launcher.label.as_deref().map_or(Ok(()), |label| check_seen("launcher.label", label))?;
    if let Some(icon) = &launcher.icon
        && (icon.len() > LONGEST_ICON || !is_path_data(icon))
    {
        return Err(format!(
            "`launcher.icon` must be the data of an SVG path (its `d` attribute, on a 24 × 24 grid), up to {LONGEST_ICON} characters."
        ));
    }
    if let Some(color) = &launcher.color
        && !is_color(color)
    {
        return Err(format!(
            "`launcher.color` is `{}`; expected #rrggbb, such as #0066ff.",
            color.escape_debug()
        ));
    }
    Ok(())
}

fn default_entry() -> FilePath {
    FilePath::INDEX
}

fn every_type() -> Vec<EmbedType> {
    EmbedType::ALL.to_vec()
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// A version is part of URLs, so it begins with a letter or digit: neither `.` nor `..` is one.
pub(super) fn is_version(text: &str) -> bool {
    text.len() <= LONGEST_VERSION
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

fn is_collection_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether the text is only commands and numbers of SVG paths, so that an icon cannot carry markup.
fn is_path_data(text: &str) -> bool {
    text.trim_start().starts_with(['M', 'm'])
        && text.bytes().all(|byte| b"MmLlHhVvCcSsQqTtAaZz0123456789eE+-., \t\r\n".contains(&byte))
}

fn refused(reason: String) -> Error {
    Error::new(Code::InvalidManifest, format!("{FILE_NAME} is invalid: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(manifest: Value) -> Result<Manifest> {
        Manifest::parse(manifest.to_string().as_bytes())
    }

    #[test]
    fn name_and_version_are_enough() {
        let manifest = parse(json!({ "name": "Feedback", "version": "1.0.0" })).unwrap();
        assert_eq!(manifest.entry.as_str(), "index.html");
        assert_eq!(manifest.embed_types, EmbedType::ALL);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_was_expected() {
        let base = json!({ "name": "Feedback", "version": "1.0.0" });
        for (member, value, sentence) in [
            ("nmae", json!("x"), "unknown field `nmae`, expected one of `name`, `version`, `entry`"),
            ("name", json!(" "), "`name` must be 1 to 100 characters"),
            ("name", json!(7), "`name`: invalid type: integer `7`, expected a string"),
            ("version", json!("../1"), "`version` is `../1`; expected letters"),
            ("version", json!(""), "`version` is ``; expected letters"),
            ("entry", json!("../index.html"), "`..` would leave the bundle"),
            ("entry", json!("/index.html"), "must not begin with a slash"),
            ("entry", json!("app.js"), "expected an HTML file"),
            ("embedTypes", json!([]), "`embedTypes` is empty"),
            (
                "embedTypes",
                json!(["banner"]),
                "`embedTypes[0]`: unknown variant `banner`, expected one of `widget`, `popup`, `inline`",
            ),
            ("launcher", json!({ "color": "blue" }), "`launcher.color` is `blue`; expected #rrggbb"),
            (
                "launcher",
                json!({ "icon": "<svg onload=alert(1)>" }),
                "`launcher.icon` must be the data of an SVG path",
            ),
            ("launcher", json!({ "labl": "x" }), "unknown field `labl`"),
            ("permissions", json!(["root"]), "`permissions` lists `root`; expected some of accelerometer"),
            ("collections", json!({ "A b": {} }), "`collections` has `A b`"),
            (
                "collections",
                json!({ "a": { "visitors": ["own"] } }),
                "unknown variant `own`, expected one of `create`",
            ),
            (
                "collections",
                json!({ "a": { "schema": { "properties": { "b": { "type": "text" } } } } }),
                "`collections.a.schema` is not a JSON Schema for records: at /properties/b/type: ",
            ),
            ("settings", json!({}), "missing field `schema`"),
        ] {
            let mut manifest = base.clone();
            manifest[member] = value;
            let error = parse(manifest).unwrap_err();
            assert!(error.detail().starts_with("module.json is invalid: "), "{error}");
            assert!(error.detail().contains(sentence), "{member}: {error}");
        }
    }

    #[test]
    fn a_manifest_is_read_in_one_way() {
        let twice =
            br#"{"name": "A", "version": "1", "collections": {"a": {"visitors": ["create"]}, "a": {}}}"#;
        assert!(Manifest::parse(twice).unwrap_err().detail().contains("the name `a` occurs twice at line 1"));
        let marked =
            Manifest::parse("\u{feff}{\"name\": \"Cafe\u{301}\", \"version\": \"1\"}".as_bytes()).unwrap();
        assert_eq!(marked.name, "Caf\u{e9}");
        for (member, value) in [("name", json!("a\u{202e}b")), ("launcher", json!({ "label": "a\u{200b}" }))]
        {
            let mut manifest = json!({ "name": "Feedback", "version": "1.0.0" });
            manifest[member] = value;
            let refused = parse(manifest).unwrap_err();
            assert!(refused.detail().ends_with("which nobody sees; leave it out."), "{refused}");
        }
    }

    #[test]
    fn a_checked_manifest_reads_back_to_itself() {
        let manifest = parse(json!({
            "name": "Feedback", "version": "1.0.0", "entry": "app/index.html", "embedTypes": ["inline"],
            "launcher": { "label": "Talk", "icon": "M0 0L24 24", "color": "#0066FF" }, "permissions": ["camera"],
            "collections": { "answers": { "schema": { "type": "object" }, "visitors": ["create"] } },
            "settings": { "schema": {} },
        }));
        let manifest = manifest.unwrap();
        assert_eq!(parse(serde_json::to_value(&manifest).unwrap()).unwrap(), manifest);
    }
}
