//! The configuration of one embed, read and checked once.

use crate::dom;
use crate::fault::Fault;
use embed_protocol::{EmbedType, Position, Theme};
use js_sys::{Function, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

/// Every option, in the order in which an error lists them.
const OPTIONS: &[&str] = &[
    "siteId",
    "moduleId",
    "container",
    "type",
    "theme",
    "position",
    "width",
    "height",
    "params",
    "locale",
    "launcher",
    "lazy",
    "openOn",
    "namespace",
    "zIndex",
    "allow",
    "sandbox",
    "onReady",
    "onError",
    "onMessage",
];

/// The options of `launcher`.
const LAUNCHER: &[&str] = &["label", "icon", "color", "badge", "hidden"];

/// A checked configuration.
pub struct Config {
    pub site_id: JsValue,
    pub module_id: String,
    /// An element, a selector, or `undefined` for the page's body.
    pub container: JsValue,
    pub embed_type: EmbedType,
    pub theme: Theme,
    pub position: Position,
    /// CSS lengths; a number has become pixels.
    pub width: Option<String>,
    pub height: Option<String>,
    pub params: JsValue,
    /// A BCP 47 language tag.
    pub locale: Option<String>,
    pub launcher: Launcher,
    pub lazy: bool,
    /// `load`, `hover`, `exit-intent`, or the selector of what opens it when clicked.
    pub open_on: Option<String>,
    pub namespace: JsValue,
    pub z_index: Option<String>,
    pub on_ready: Option<Function>,
    pub on_error: Option<Function>,
    pub on_message: Option<Function>,
}

/// The page's wishes for a widget's button, which go before the module's.
#[derive(Default)]
pub struct Launcher {
    pub label: Option<String>,
    pub icon: Option<String>,
    pub color: Option<String>,
    pub badge: Option<f64>,
    pub hidden: bool,
}

/// Reads options one by one. In an element's `data-*` attributes everything is text, and unknown names are the page's
/// own business.
struct Reader<'a> {
    raw: &'a JsValue,
    from_element: bool,
}

impl Config {
    /// Checks a configuration; the fault names the option, what it was, and what was expected.
    pub fn read(raw: &JsValue, from_element: bool) -> Result<Self, Fault> {
        if !raw.is_object() {
            return Err(Fault::new(
                "invalid_option",
                &["Dramac.embed takes an object such as {siteId: '…', moduleId: '…', type: 'inline'}."],
            ));
        }
        let reader = Reader { raw, from_element };
        reader.refuse_unknown(OPTIONS)?;
        Ok(Config {
            site_id: reader.id("siteId")?.into(),
            module_id: reader.id("moduleId")?,
            container: reader.container()?,
            embed_type: reader.word("type", EmbedType::Widget, EmbedType::ALL, EmbedType::as_str)?,
            theme: reader.word("theme", Theme::Light, Theme::ALL, Theme::as_str)?,
            position: reader.word("position", Position::BottomRight, Position::ALL, Position::as_str)?,
            width: reader.length("width")?,
            height: reader.length("height")?,
            params: reader.object("params")?,
            locale: reader.text("locale")?,
            launcher: reader.launcher()?,
            lazy: reader.flag("lazy", true)?,
            open_on: reader.text("openOn")?,
            namespace: reader.text("namespace")?.map_or(JsValue::UNDEFINED, JsValue::from),
            z_index: reader.whole_number("zIndex")?.map(|number| dom::text(&number.into())),
            on_ready: reader.function("onReady")?,
            on_error: reader.function("onError")?,
            on_message: reader.function("onMessage")?,
        })
    }
}

impl Config {
    /// Whether nothing has changed that only a new embed could have.
    pub fn is_same_embed(&self, other: &Config) -> bool {
        self.site_id == other.site_id
            && self.module_id == other.module_id
            && self.embed_type == other.embed_type
            && self.container == other.container
    }
}

/// Refuses what is no object, or has an option that there is not.
pub fn refuse_unknown(raw: &JsValue) -> Result<(), Fault> {
    if !raw.is_object() {
        return Err(Fault::new("invalid_option", &["update takes an object such as {theme: 'dark'}."]));
    }
    Reader { raw, from_element: false }.refuse_unknown(OPTIONS)
}

/// `onError` of a configuration that may be wrong in every other way.
pub fn error_handler(raw: &JsValue) -> Option<Function> {
    Reader { raw, from_element: false }.function("onError").ok().flatten()
}

impl Reader<'_> {
    fn get(&self, name: &str) -> JsValue {
        Reflect::get(self.raw, &name.into()).unwrap_or(JsValue::UNDEFINED)
    }

    /// The option, or `None` where it was left out.
    fn option(&self, name: &str) -> Option<JsValue> {
        let value = self.get(name);
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    fn wrong<T>(&self, name: &str, value: &JsValue, expected: &str) -> Result<T, Fault> {
        let shown: String = dom::text(value).chars().take(60).collect();
        Err(Fault::new(
            "invalid_option",
            &["The option ", name, " is “", &shown, "”, but it has to be ", expected, "."],
        ))
    }

    fn refuse_unknown(&self, options: &[&str]) -> Result<(), Fault> {
        if self.from_element {
            return Ok(());
        }
        for key in Object::keys(self.raw.unchecked_ref::<Object>()).iter() {
            let key = dom::text(&key);
            if !options.contains(&&*key) {
                let known = options.join(", ");
                return Err(Fault::new(
                    "invalid_option",
                    &["There is no option “", &key, "”. The options are ", &known, "."],
                ));
            }
        }
        Ok(())
    }

    fn id(&self, name: &str) -> Result<String, Fault> {
        let value = self.get(name);
        match value.as_string() {
            Some(id) if is_uuid(id.as_bytes()) => Ok(id),
            _ => self.wrong(name, &value, "the id (a UUID) that the embed server gave"),
        }
    }

    fn container(&self) -> Result<JsValue, Fault> {
        match self.option("container") {
            Some(value) if !(value.is_string() || value.is_object()) => {
                self.wrong("container", &value, "a selector or an element")
            }
            value => Ok(value.unwrap_or(JsValue::UNDEFINED)),
        }
    }

    fn word<T: Copy>(
        &self,
        name: &str,
        default: T,
        all: &[T],
        spell: fn(T) -> &'static str,
    ) -> Result<T, Fault> {
        let Some(value) = self.option(name) else { return Ok(default) };
        let word = value.as_string().unwrap_or_default();
        match all.iter().find(|&&candidate| spell(candidate) == word) {
            Some(&found) => Ok(found),
            None => {
                let words: Vec<&str> = all.iter().map(|&candidate| spell(candidate)).collect();
                self.wrong(name, &value, &words.join(" or "))
            }
        }
    }

    fn length(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.option(name) else { return Ok(None) };
        if dom::number(&value) > 0.0 {
            return Ok(Some([&dom::text(&value), "px"].concat()));
        }
        match value.as_string() {
            Some(length) if length.starts_with(|first: char| first.is_ascii_alphanumeric()) => {
                Ok(Some(length))
            }
            _ => self.wrong(name, &value, "a CSS length such as '100%' or a number of pixels"),
        }
    }

    /// An object; in an attribute, its JSON.
    fn object(&self, name: &str) -> Result<JsValue, Fault> {
        let Some(value) = self.option(name) else { return Ok(JsValue::UNDEFINED) };
        if value.is_object() {
            return Ok(value);
        }
        match value.as_string().filter(|_| self.from_element).map(|json| JSON::parse(&json)) {
            Some(Ok(parsed)) if parsed.is_object() => Ok(parsed),
            _ => self.wrong(name, &value, "an object (in an attribute: its JSON)"),
        }
    }

    fn launcher(&self) -> Result<Launcher, Fault> {
        let raw = self.object("launcher")?;
        if raw.is_undefined() {
            return Ok(Launcher::default());
        }
        let reader = Reader { raw: &raw, from_element: false };
        reader.refuse_unknown(LAUNCHER)?;
        Ok(Launcher {
            label: reader.text("label")?,
            icon: reader.text("icon")?,
            color: reader.text("color")?,
            badge: reader.whole_number("badge")?,
            hidden: reader.flag("hidden", false)?,
        })
    }

    fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        match self.option(name) {
            Some(value) if !value.is_string() => self.wrong(name, &value, "a text"),
            value => Ok(value.and_then(|value| value.as_string())),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, Fault> {
        let Some(value) = self.option(name) else { return Ok(default) };
        match (value.as_bool(), value.as_string().filter(|_| self.from_element).as_deref()) {
            (Some(flag), _) => Ok(flag),
            (None, Some("true")) => Ok(true),
            (None, Some("false")) => Ok(false),
            _ => self.wrong(name, &value, "true or false"),
        }
    }

    fn whole_number(&self, name: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.option(name) else { return Ok(None) };
        match dom::number(&value) {
            number if number % 1.0 == 0.0 => Ok(Some(number)),
            _ => self.wrong(name, &value, "a whole number"),
        }
    }

    fn function(&self, name: &str) -> Result<Option<Function>, Fault> {
        match self.option(name) {
            None => Ok(None),
            Some(value) if value.is_function() => Ok(Some(value.unchecked_into())),
            Some(value) => self.wrong(name, &value, "a function"),
        }
    }
}

/// Whether this is a UUID in its usual spelling. It becomes part of a host name, so nothing else may pass.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::is_uuid;

    #[test]
    fn only_a_uuid_may_become_part_of_a_host_name() {
        assert!(is_uuid(b"0190c3a4-7b1e-7000-8000-000000000001"));
        for other in [
            "",
            "evil.example/",
            "0190c3a4-7b1e-7000-8000-00000000000",
            "0190c3a4_7b1e-7000-8000-000000000001",
        ] {
            assert!(!is_uuid(other.as_bytes()), "{other}");
        }
    }
}
