//! What a setting is: one row, from which parser, `--help`, `doctor` and the README's table are made.

/// Settings that belong together, as help, errors, `doctor` and the README's table group them.
pub struct Section {
    /// What stands above the group.
    pub title: &'static str,
    /// In the order in which they are shown and read.
    pub settings: &'static [Setting],
}

/// One setting.
pub struct Setting {
    /// The name in the file; the flag is the same with hyphens.
    pub key: &'static str,
    /// The name in the environment.
    pub variable: &'static str,
    /// How it is given on the command line.
    pub flag: Flag,
    /// Completes the sentence "`VARIABLE`: …".
    pub meaning: &'static str,
    /// What holds where nothing is given, in words.
    pub default: &'static str,
    /// Completes the sentence "expected …".
    pub expected: &'static str,
}

impl Setting {
    /// The name on the command line.
    pub fn flag_name(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }
}

/// How a setting is given on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// With a value, which help calls so.
    Value(&'static str),
    /// By its name alone.
    Switch,
    /// Not at all.
    None,
    /// Not at all, because every user of the machine sees command lines. A wrong value is not repeated either.
    Secret,
}

/// Declares a section: a struct with a field for each row, its [`Section`], and the function that reads it.
///
/// The field's name is the key. What follows `meaning` is one of
/// - `default: "TEXT"`: the text is read like a value that was given;
/// - `derived: "WORDS" => VALUE`: the value comes from other settings, fields above this one included;
/// - `unset: "WORDS"`: the field is an `Option`.
macro_rules! section {
    (
        $(#[$about:meta])*
        $visibility:vis struct $name:ident($($before:ident: $type_before:ty)?) titled $title:literal;
        $($field:ident: $type:ty = {
            variable: $variable:literal,
            flag: $flag:expr,
            meaning: $meaning:literal,
            $kind:ident: $default:literal $(=> $value:expr)?,
            expected: $expected:expr,
            parse: $parse:expr,
        })+
    ) => {
        $(#[$about])*
        #[derive(Clone)]
        $visibility struct $name {
            $(#[doc = concat!("`", $variable, "`: ", $meaning, ".")] pub $field: $type,)+
        }

        impl $name {
            /// The rows of this section.
            pub const SECTION: $crate::config::Section = $crate::config::Section {
                title: $title,
                settings: &[$($crate::config::Setting {
                    key: stringify!($field),
                    variable: $variable,
                    flag: $flag,
                    meaning: $meaning,
                    default: $default,
                    expected: $expected,
                }),+],
            };

            /// Reads what was given for this section.
            pub(super) fn read(given: &mut $crate::config::given::Given $(, $before: $type_before)?) -> Self {
                $(let $field: $type = section!(
                    @$kind given, stringify!($field), $parse, $default $(, $value)?
                );)+
                Self { $($field),+ }
            }
        }
    };
    (@default $given:ident, $key:expr, $parse:expr, $default:literal) => {
        $given.read_or($key, $default, $parse)
    };
    (@derived $given:ident, $key:expr, $parse:expr, $default:literal, $value:expr) => {
        $given.read($key, $parse).unwrap_or_else(|| $value)
    };
    (@unset $given:ident, $key:expr, $parse:expr, $default:literal) => {
        $given.read($key, $parse)
    };
}

pub(super) use section;
