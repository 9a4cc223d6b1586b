//! The configuration of one embed, checked once against a table.

use crate::dom;
use crate::fault::Fault;
use embed_protocol::{EmbedType, Position, Theme};
use js_sys::{Array, Function, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

/// The type of an option.
#[derive(Clone, Copy)]
enum Kind {
    Id,
    Container,
    Word(&'static [&'static str]),
    /// A CSS length, or a number of pixels.
    Length,
    /// An object; in an attribute, its JSON.
    Object,
    /// The same, sent to the module, so it must be cloneable.
    Params,
    /// When a floating embed opens.
    Opening,
    Text,
    Flag,
    WholeNumber,
    Count,
    Color,
    Function,
}

type Options = &'static [(&'static str, Kind)];

/// Every option, in the order in which an error lists them.
const OPTIONS: Options = &[
    ("siteId", Kind::Id),
    ("moduleId", Kind::Id),
    ("container", Kind::Container),
    ("type", Kind::Word(EmbedType::WORDS)),
    ("theme", Kind::Word(Theme::WORDS)),
    ("position", Kind::Word(Position::WORDS)),
    ("width", Kind::Length),
    ("height", Kind::Length),
    ("params", Kind::Params),
    ("locale", Kind::Text),
    ("launcher", Kind::Object),
    ("lazy", Kind::Flag),
    ("openOn", Kind::Opening),
    ("namespace", Kind::Text),
    ("zIndex", Kind::WholeNumber),
    ("allow", Kind::Text),
    ("sandbox", Kind::Text),
    ("nonce", Kind::Text),
    ("onReady", Kind::Function),
    ("onError", Kind::Function),
    ("onMessage", Kind::Function),
];

/// The options of `launcher`.
const LAUNCHER: Options = &[
    ("label", Kind::Text),
    ("icon", Kind::Text),
    ("color", Kind::Color),
    ("badge", Kind::Count),
    ("hidden", Kind::Flag),
];

/// Options that have passed the table.
pub struct Checked(JsValue);

/// A checked configuration.
pub struct Config {
    pub options: Checked,
    pub launcher: Checked,
    pub embed_type: EmbedType,
    pub theme: Theme,
    pub position: Position,
    pub on_message: Option<Function>,
}

impl Config {
    /// Checks a configuration; the fault names the option, what it was, and what was expected. In an element's
    /// attributes everything is text, and unknown names are ignored.
    pub fn read(raw: &JsValue, from_element: bool) -> Result<Self, Fault> {
        let options = Checked::check(raw, OPTIONS, from_element)?;
        let launcher = Checked::check(&options.object("launcher"), LAUNCHER, false)?;
        let word = |name| options.text(name).unwrap_or_default();
        let embed_type = EmbedType::parse(&word("type")).unwrap_or(EmbedType::Widget);
        if embed_type == EmbedType::Popup && word("openOn") == "hover" {
            let text = ["The option openOn is “hover”, but a popup has no launcher: take a selector."];
            return Err(Fault::new("invalid_option", &text));
        }
        Ok(Config {
            launcher,
            embed_type,
            theme: Theme::parse(&word("theme")).unwrap_or(Theme::Light),
            position: Position::parse(&word("position")).unwrap_or(Position::BottomRight),
            on_message: options.function("onMessage"),
            options,
        })
    }

    /// Whether the new configuration needs no new embed.
    pub fn is_same_embed(&self, other: &Config) -> bool {
        let same = |name: &str| self.options.get(name) == other.options.get(name);
        same("siteId") && same("moduleId") && same("container") && self.embed_type == other.embed_type
    }
}

/// Refuses a change that is no object, or has an unknown option.
pub fn refuse_unknown(raw: &JsValue) -> Result<(), Fault> {
    if !raw.is_object() {
        return Err(Fault::new("invalid_option", &["update takes an object such as {theme: 'dark'}."]));
    }
    refuse_others(raw, OPTIONS)
}

/// `onError` of a configuration that may be wrong in every other way.
pub fn error_handler(raw: &JsValue) -> Option<Function> {
    Checked(raw.clone()).function("onError")
}

impl Checked {
    fn check(raw: &JsValue, table: Options, from_element: bool) -> Result<Self, Fault> {
        let checked = Checked(raw.clone());
        if !from_element {
            refuse_others(raw, table)?;
        }
        for &(name, kind) in table {
            let value = checked.get(name);
            // Only the ids have to be there; and an attribute is no function, whatever its name.
            let is_absent = value.is_undefined() || value.is_null();
            if is_absent && !matches!(kind, Kind::Id) || from_element && matches!(kind, Kind::Function) {
                continue;
            }
            if let Some(expected) = kind.misses(&value, from_element) {
                let shown: String = dom::text(&value).chars().take(60).collect();
                let text = ["The option ", name, " is “", &shown, "”, but it has to be ", &expected, "."];
                return Err(Fault::new("invalid_option", &text));
            }
        }
        Ok(checked)
    }

    /// The option as it was given.
    pub fn get(&self, name: &str) -> JsValue {
        // What a page's objects inherit is not what it has set.
        let is_own = Object::has_own(self.0.unchecked_ref::<Object>(), &name.into());
        if is_own { Reflect::get(&self.0, &name.into()).unwrap_or_default() } else { JsValue::UNDEFINED }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).as_string()
    }

    /// A CSS length; a number has become pixels.
    pub fn length(&self, name: &str) -> Option<String> {
        length(&self.get(name))
    }

    /// An object, read from JSON where it came from an attribute; an empty one where there is none.
    pub fn object(&self, name: &str) -> JsValue {
        let value = self.get(name);
        match value.as_string().map(|json| JSON::parse(&json)) {
            Some(Ok(parsed)) => parsed,
            None if value.is_object() => value,
            _ => Object::new().into(),
        }
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        let value = self.get(name);
        (!value.is_undefined() && !value.is_null()).then(|| dom::number(&value))
    }

    pub fn flag(&self, name: &str, default: bool) -> bool {
        let value = self.get(name);
        if default { dom::text(&value) != "false" } else { dom::text(&value) == "true" }
    }

    pub fn function(&self, name: &str) -> Option<Function> {
        let value = self.get(name);
        value.is_function().then(|| value.unchecked_into())
    }
}

fn refuse_others(raw: &JsValue, table: Options) -> Result<(), Fault> {
    for key in Object::keys(raw.unchecked_ref::<Object>()).iter() {
        let key = dom::text(&key);
        if !table.iter().any(|(name, _)| *name == key) {
            let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            let known = dom::listed(&names, ", ");
            let text = ["There is no option “", &key, "”. The options are ", &known, "."];
            return Err(Fault::new("invalid_option", &text));
        }
    }
    Ok(())
}

/// A length as CSS writes it: what is a number, or spells one, is pixels.
fn length(value: &JsValue) -> Option<String> {
    if dom::number(value) > 0.0 {
        return Some(dom::joined(&[&dom::text(value), "px"]));
    }
    value.as_string()
}

/// Whether this is an object with names in it.
fn is_plain(value: &JsValue) -> bool {
    value.is_object() && !Array::is_array(value)
}

impl Kind {
    /// What was expected, where the value is something else.
    fn misses(self, value: &JsValue, from_element: bool) -> Option<String> {
        let text = value.as_string();
        let is_text = |test: &dyn Fn(&str) -> bool| text.as_deref().is_some_and(test);
        let in_attribute = |test: &dyn Fn(&str) -> bool| from_element && is_text(test);
        let (fits, expected) = match self {
            Kind::Id => (is_text(&is_uuid), "the id (a UUID) that the embed server gave"),
            Kind::Container => (text.is_some() || value.is_object(), "a selector or an element"),
            Kind::Word(words) => {
                let fits = is_text(&|text| words.contains(&text));
                return (!fits).then(|| dom::listed(words, " or "));
            }
            Kind::Length => {
                // Of all properties that take one length or percentage, padding takes no word and nothing negative.
                let fits = length(value).is_some_and(|length| dom::supports("padding-left", &length));
                (fits, "a CSS length such as '100%' or a number of pixels")
            }
            Kind::Object => {
                let is_json = |text: &str| JSON::parse(text).is_ok_and(|parsed| is_plain(&parsed));
                (is_plain(value) || in_attribute(&is_json), "an object (in an attribute: its JSON)")
            }
            Kind::Params => {
                if !from_element && is_plain(value) && dom::clone_of(value).is_err() {
                    return Some("an object of what can be cloned: no functions, no elements".into());
                }
                return Kind::Object.misses(value, from_element);
            }
            Kind::Opening => {
                let is_opening =
                    |text: &str| matches!(text, "load" | "hover" | "exit-intent") || dom::is_selector(text);
                (is_text(&is_opening), "load, hover, exit-intent or a selector")
            }
            Kind::Text => (text.is_some(), "a text"),
            Kind::Flag => {
                let is_flag = |text: &str| text == "true" || text == "false";
                (value.as_bool().is_some() || in_attribute(&is_flag), "true or false")
            }
            Kind::WholeNumber => (dom::number(value) % 1.0 == 0.0, "a whole number"),
            Kind::Count => {
                let count = dom::number(value);
                (count >= 0.0 && count % 1.0 == 0.0, "a whole number, 0 or more")
            }
            Kind::Color => (is_text(&|text| dom::supports("color", text)), "a CSS colour"),
            Kind::Function => (value.is_function(), "a function"),
        };
        (!fits).then(|| expected.into())
    }
}

/// Whether this is a UUID in its usual spelling. It becomes part of a host name, so nothing else may pass.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::is_uuid;

    #[test]
    fn only_a_uuid_may_become_part_of_a_host_name() {
        assert!(is_uuid("0190c3a4-7b1e-7000-8000-000000000001"));
        for other in [
            "",
            "evil.example/",
            "0190c3a4-7b1e-7000-8000-00000000000",
            "0190c3a4_7b1e-7000-8000-000000000001",
        ] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
