//! Manifests as the database has them, perhaps published by a newer version of this server.
//!
//! Publishing refuses what this version does not know; a server that reads must serve what a newer one has accepted. So
//! unknown members and words are left out here, and whatever a newer version grants by them is not granted.

use super::manifest::{Action, Collection, Manifest, ModuleSettings};
use embed_protocol::EmbedType;
use embed_protocol::verify::Launcher;
use serde::de::value::Error as NamesError;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::Value;

/// A manifest from the database.
#[derive(Debug)]
pub(super) struct StoredManifest {
    /// What this version knows of it.
    pub manifest: Manifest,
    /// Whether that is all of it.
    pub complete: bool,
}

impl<'de> Deserialize<'de> for StoredManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Value::deserialize(deserializer)?;
        let known = known_part(stored.clone());
        let complete = known == stored;
        Ok(Self { manifest: serde_json::from_value(known).map_err(D::Error::custom)?, complete })
    }
}

fn known_part(mut manifest: Value) -> Value {
    keep_members::<Manifest>(Some(&mut manifest));
    keep_words::<EmbedType>(manifest.get_mut("embedTypes"));
    keep_members::<Launcher>(manifest.get_mut("launcher"));
    keep_members::<ModuleSettings>(manifest.get_mut("settings"));
    let collections = manifest.get_mut("collections").and_then(Value::as_object_mut);
    for collection in collections.into_iter().flat_map(|collections| collections.values_mut()) {
        keep_members::<Collection>(Some(collection));
        keep_words::<Action>(collection.get_mut("visitors"));
    }
    manifest
}

fn keep_members<Known: DeserializeOwned>(object: Option<&mut Value>) {
    if let Some(Value::Object(members)) = object {
        members.retain(|name, _| names_in::<Known>().contains(&name.as_str()));
    }
}

fn keep_words<Known: DeserializeOwned>(list: Option<&mut Value>) {
    if let Some(Value::Array(words)) = list {
        words.retain(|word| word.as_str().is_none_or(|word| names_in::<Known>().contains(&word)));
    }
}

/// The names that a struct's members or an enum's variants have in JSON.
fn names_in<Known: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The names are all that is wanted, so reading ends with an error there.
    let _ = Known::deserialize(Names(&mut names));
    names
}

/// Notes the names that a type asks for, and gives no value.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = NamesError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NamesError> {
        Err(NamesError::custom("neither a struct nor an enum"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        members: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NamesError> {
        *self.0 = members;
        Err(NamesError::custom(name))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NamesError> {
        *self.0 = variants;
        Err(NamesError::custom(name))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known() -> Value {
        json!({
            "name": "Feedback", "version": "1.0.0", "entry": "index.html", "embedTypes": ["inline"],
            "launcher": { "label": "Talk" }, "permissions": ["camera"],
            "collections": { "answers": { "schema": { "type": "object" }, "visitors": ["create"] } },
            "settings": { "schema": {} },
        })
    }

    #[test]
    fn what_a_newer_version_has_added_is_left_out_when_read_and_refused_when_published() {
        let expected = Manifest::parse(known().to_string().as_bytes()).unwrap();
        for (place, member, value) in [
            ("", "payments", json!({ "orders": {} })),
            ("/launcher", "position", json!("left")),
            ("/settings", "secrets", json!(["key"])),
            ("/collections/answers", "retention", json!(30)),
            ("/collections/answers/visitors", "-", json!("read-own")),
            ("/embedTypes", "-", json!("banner")),
        ] {
            let mut newer = known();
            match newer.pointer_mut(place).unwrap() {
                Value::Array(words) => words.push(value),
                object => object[member] = value,
            }
            let stored: StoredManifest = serde_json::from_value(newer.clone()).unwrap();
            assert_eq!(stored.manifest, expected, "{place}/{member}");
            assert!(!stored.complete, "{place}/{member}");
            let error = Manifest::parse(newer.to_string().as_bytes()).unwrap_err();
            assert!(error.detail().contains("unknown "), "{place}/{member}: {error}");
        }
    }

    #[test]
    fn what_this_version_has_stored_is_complete() {
        let manifest = Manifest::parse(known().to_string().as_bytes()).unwrap();
        let stored: StoredManifest = serde_json::from_value(json!(manifest)).unwrap();
        assert!(stored.complete);
        assert_eq!(stored.manifest, manifest);
    }
}
