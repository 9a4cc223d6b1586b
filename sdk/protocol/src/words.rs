//! The closed vocabularies of a configuration.

/// Declares an enum whose values have exactly one spelling each.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[cfg_attr(feature = "serde", serde(rename = $word))] $variant),+
        }

        impl $name {
            /// Every value, in the order in which error messages list them.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The words for them, in the same order.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word for this value, as it stands in JSON, URLs and `data-*` attributes.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The value that `word` spells, or `None`.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// How a module appears on the host page.
    EmbedType {
        /// A launcher button and a floating panel; the default.
        Widget = "widget",
        /// A modal dialog in the page's centre.
        Popup = "popup",
        /// A frame in the flow of the page.
        Inline = "inline",
    }
}

vocabulary! {
    /// The colours a module is asked to use.
    Theme {
        /// Dark text on light ground; the default.
        Light = "light",
        /// Light text on dark ground.
        Dark = "dark",
        /// Whatever the visitor's system prefers.
        Auto = "auto",
    }
}

vocabulary! {
    /// The corner in which a widget floats.
    Position {
        /// The default.
        BottomRight = "bottom-right",
        /// Bottom left.
        BottomLeft = "bottom-left",
        /// Top right.
        TopRight = "top-right",
        /// Top left.
        TopLeft = "top-left",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_parses_back_to_its_value() {
        for &value in EmbedType::ALL {
            assert_eq!(EmbedType::parse(value.as_str()), Some(value));
        }
        for &value in Position::ALL {
            assert_eq!(Position::parse(value.as_str()), Some(value));
        }
        assert_eq!(Theme::parse("Light"), None, "words are lower case");
    }
}
