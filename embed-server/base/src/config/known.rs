//! Finding a setting by its name, or by what is nearly its name.

use super::SECTIONS;
use super::problem::Problem;
use super::setting::{Section, Setting};

/// How alike two names are at least (Jaro and Winkler, from 0 to 1) for the one to be a slip of the other.
const SLIP: f64 = 0.85;

/// A setting that exists.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub section: &'static Section,
    pub setting: &'static Setting,
}

impl Known {
    pub(super) fn by_key(key: &str) -> Option<Self> {
        Self::all().find(|known| known.setting.key == key)
    }

    pub(super) fn by_variable(name: &str) -> Option<Self> {
        Self::all().find(|known| known.setting.variable == name)
    }

    /// The setting that `name`, in the environment or in the file, was probably meant to be.
    fn by_near_miss(name: &str) -> Option<Self> {
        let key = name.to_lowercase().replace('-', "_");
        let key = key.strip_prefix("embed_").unwrap_or(&key);
        Self::all()
            .map(|known| (strsim::jaro_winkler(key, known.setting.key), known))
            .filter(|(likeness, _)| *likeness >= SLIP)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, known)| known)
    }

    fn all() -> impl Iterator<Item = Self> {
        SECTIONS
            .iter()
            .flat_map(|section| section.settings.iter().map(move |setting| Self { section, setting }))
    }
}

/// Says that `name`, which is `shown` like that, is not a setting, and which one was meant or which there are.
pub(super) fn unknown(name: &str, shown: &str, write: impl Fn(&Setting) -> String) -> Problem {
    if let Some(Known { section, setting }) = Known::by_near_miss(name) {
        let (meant, title) = (write(setting), section.title);
        let sentence = format!(
            "{shown} is not a setting. Did you mean {meant} (see “{title}” in the README's table of settings)?"
        );
        return Problem { section: Some(title), sentence };
    }
    let sections = SECTIONS.iter().map(|section| {
        let names: Vec<_> = section.settings.iter().map(&write).collect();
        format!("{} ({})", names.join(", "), section.title)
    });
    let sections: Vec<_> = sections.collect();
    let sentence = format!("{shown} is not a setting. The settings are {}.", sections.join(", "));
    Problem { section: None, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_a_strange_name_is_not() {
        for (name, meant) in [
            ("EMBED_LISTENN", Some("listen")),
            ("EMBED_PUBLIC", Some("public_url")),
            ("EMBED_DATABASE_URL", Some("database_url")),
            ("EMBED_LOG", Some("log")),
            ("EMBED_TRUSTED_PROXY", Some("trusted_proxies")),
            ("public-url", Some("public_url")),
            ("EMBED_COLOUR", None),
            ("EMBED_", None),
        ] {
            let found = Known::by_near_miss(name).map(|known| known.setting.key);
            assert_eq!(found, meant, "{name}");
        }
    }
}
