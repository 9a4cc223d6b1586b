//! What was given for each setting, in the place that wins, and what is wrong with it.

use super::flags::Flags;
use super::known::{Known, unknown};
use super::problem::Problem;
use super::setting::{Flag, Section};
use std::collections::BTreeMap;
use std::path::Path;

/// Read from the working folder when it is there.
const DEFAULT_FILE: &str = "embed-server.toml";

/// What was given, by key.
#[derive(Default)]
pub(super) struct Given {
    values: BTreeMap<&'static str, Value>,
    problems: Vec<Problem>,
}

struct Value {
    text: String,
    /// The setting as it was named, for error messages.
    name: String,
    known: Known,
}

impl Given {
    /// Flags win over the environment, and that over the file.
    pub(super) fn collect(flags: Flags, environment: impl Iterator<Item = (String, String)>) -> Self {
        let mut given = Self::default();
        match &flags.file {
            Some(path) => given.add_file(path),
            None if Path::new(DEFAULT_FILE).exists() => given.add_file(Path::new(DEFAULT_FILE)),
            None => {}
        }
        given.add_environment(environment);
        for (key, text) in flags.given {
            if let Some(known) = Known::by_key(key) {
                given.values.insert(key, Value { text, name: known.setting.flag_name(), known });
            }
        }
        given
    }

    fn add_environment(&mut self, environment: impl Iterator<Item = (String, String)>) {
        for (name, text) in environment {
            if let Some(known) = Known::by_variable(&name) {
                self.values.insert(known.setting.key, Value { text, name, known });
            } else if name.starts_with("EMBED_") {
                self.problems.push(unknown(&name, &name, |setting| setting.variable.to_owned()));
            }
        }
    }

    fn add_file(&mut self, path: &Path) {
        let shown = path.display();
        let table = std::fs::read_to_string(path)
            .map_err(|error| format!("{shown} cannot be read: {error}."))
            .and_then(|text| {
                let not_toml = |error: toml::de::Error| format!("{shown} is not TOML: {}.", error.message());
                text.parse::<toml::Table>().map_err(not_toml)
            });
        match table {
            Err(sentence) => self.problems.push(Problem { section: None, sentence }),
            Ok(table) => {
                for (key, value) in table {
                    self.add_member(&key, value, &format!("`{key}` in {shown}"));
                }
            }
        }
    }

    fn add_member(&mut self, key: &str, value: toml::Value, name: &str) {
        let Some(known) = Known::by_key(key) else {
            self.problems.push(match value {
                toml::Value::Table(_) => Problem {
                    section: None,
                    sentence: format!("{name} is a table; every setting stands at the top of the file, like `listen = \"127.0.0.1:8080\"`."),
                },
                _ => unknown(key, name, |setting| format!("`{}`", setting.key)),
            });
            return;
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(on) => on.to_string(),
            _ => {
                let sentence = format!("{name} must be text, a number, true or false");
                self.refuse(known.section, sentence);
                return;
            }
        };
        self.values.insert(known.setting.key, Value { text, name: name.to_owned(), known });
    }

    /// The setting `key`, or `None` where it was not given or is wrong; an empty value counts as not given.
    pub(super) fn read<T>(&mut self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Value { text, name, known } = self.values.get(key).filter(|value| !value.text.is_empty())?;
        let parsed = parse(text);
        if parsed.is_none() {
            let expected = known.setting.expected;
            // A secret, or a URL with a password, is not repeated where a log may keep it.
            let sentence = if known.setting.flag == Flag::Secret || text.contains('@') {
                format!("{name} is not what was expected: {expected}")
            } else {
                format!("{name} is `{text}`; expected {expected}")
            };
            let section = known.section;
            self.refuse(section, sentence);
        }
        parsed
    }

    /// The setting `key`, or its default, which is written like a value that is given.
    pub(super) fn read_or<T>(&mut self, key: &str, default: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        self.read(key, &parse).or_else(|| parse(default)).expect("the default is a value of this setting")
    }

    /// Notes what is wrong with a setting of `section`, in a sentence that still lacks its full stop.
    pub(super) fn refuse(&mut self, section: &Section, sentence: String) {
        let title = section.title;
        self.problems.push(Problem {
            section: Some(title),
            sentence: format!("{sentence} (see “{title}” in the README's table of settings)."),
        });
    }

    /// Everything that is wrong, once every section has been read.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = file("listen = 'file:1'\ndev = true");
        let listen = |flag: Option<&str>, environment: &[&str]| {
            let given = flag.map(|flag| ("listen", flag.to_owned()));
            let flags = Flags { file: Some(file.path().to_owned()), given: given.into_iter().collect() };
            let variable = |text: &&str| ("EMBED_LISTEN".to_owned(), (*text).to_owned());
            Given::collect(flags, environment.iter().map(variable))
                .read("listen", |text| Some(text.to_owned()))
        };
        assert_eq!(listen(None, &[]).as_deref(), Some("file:1"));
        assert_eq!(listen(None, &["environment:2"]).as_deref(), Some("environment:2"));
        assert_eq!(listen(Some("flag:3"), &["environment:2"]).as_deref(), Some("flag:3"));
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named_with_what_would_be_right() {
        for (content, section, name, sentence) in [
            (
                "lisen = '127.0.0.1:80'",
                Some("Server"),
                "`lisen` in ",
                " is not a setting. Did you mean `listen` (see “Server” in the README's table of settings)?",
            ),
            ("colour = 'red'", None, "`colour` in ", " is not a setting. The settings are `database_url`"),
            ("[server]\nlisten = 'x'", None, "`server` in ", " is a table; every setting stands at the top"),
            (
                "listen = ['::1', '127.0.0.1']",
                Some("Server"),
                "`listen` in ",
                " must be text, a number, true or false (see “Server” in the README's table of settings).",
            ),
            ("listen", None, "", " is not TOML: "),
        ] {
            let file = file(content);
            let flags = Flags { file: Some(file.path().to_owned()), ..Flags::default() };
            let problems = Given::collect(flags, std::iter::empty()).into_problems();
            let [problem] = &problems[..] else { panic!("{content} has one problem") };
            assert_eq!(problem.section, section, "{content}");
            assert!(problem.sentence.starts_with(name), "{content}: {}", problem.sentence);
            assert!(problem.sentence.contains(sentence), "{content}: {}", problem.sentence);
        }
    }
}
