//! The translations of the chrome's texts.

/// The SDK's texts for visitors, in one language.
pub struct Words {
    /// The language that they are in.
    pub lang: &'static str,
    pub open: &'static str,
    pub close: &'static str,
    pub unread: &'static str,
    pub failed: &'static str,
    pub retry: &'static str,
    /// The name of a frame before the module's name is known.
    pub content: &'static str,
}

/// English comes first, as the fallback.
static ALL: [Words; 11] = [
    Words {
        lang: "en",
        open: "Open",
        close: "Close",
        unread: "unread",
        failed: "This content could not be loaded.",
        retry: "Retry",
        content: "Embedded content",
    },
    Words {
        lang: "de",
        open: "Öffnen",
        close: "Schließen",
        unread: "ungelesen",
        failed: "Dieser Inhalt konnte nicht geladen werden.",
        retry: "Erneut versuchen",
        content: "Eingebetteter Inhalt",
    },
    Words {
        lang: "fr",
        open: "Ouvrir",
        close: "Fermer",
        unread: "non lus",
        failed: "Ce contenu n’a pas pu être chargé.",
        retry: "Réessayer",
        content: "Contenu intégré",
    },
    Words {
        lang: "es",
        open: "Abrir",
        close: "Cerrar",
        unread: "sin leer",
        failed: "No se pudo cargar este contenido.",
        retry: "Reintentar",
        content: "Contenido incrustado",
    },
    Words {
        lang: "it",
        open: "Apri",
        close: "Chiudi",
        unread: "non letti",
        failed: "Impossibile caricare questo contenuto.",
        retry: "Riprova",
        content: "Contenuto incorporato",
    },
    Words {
        lang: "pt",
        open: "Abrir",
        close: "Fechar",
        unread: "não lidas",
        failed: "Não foi possível carregar este conteúdo.",
        retry: "Tentar de novo",
        content: "Conteúdo incorporado",
    },
    Words {
        lang: "nl",
        open: "Openen",
        close: "Sluiten",
        unread: "ongelezen",
        failed: "Deze inhoud kon niet worden geladen.",
        retry: "Opnieuw proberen",
        content: "Ingesloten inhoud",
    },
    Words {
        lang: "ja",
        open: "開く",
        close: "閉じる",
        unread: "件の未読",
        failed: "このコンテンツを読み込めませんでした。",
        retry: "再試行",
        content: "埋め込みコンテンツ",
    },
    Words {
        lang: "zh",
        open: "打开",
        close: "关闭",
        unread: "条未读",
        failed: "无法加载此内容。",
        retry: "重试",
        content: "嵌入的内容",
    },
    Words {
        lang: "ar",
        open: "فتح",
        close: "إغلاق",
        unread: "غير مقروءة",
        failed: "تعذّر تحميل هذا المحتوى.",
        retry: "إعادة المحاولة",
        content: "محتوى مضمَّن",
    },
    Words {
        lang: "he",
        open: "פתיחה",
        close: "סגירה",
        unread: "לא נקראו",
        failed: "לא ניתן היה לטעון את התוכן.",
        retry: "ניסיון נוסף",
        content: "תוכן מוטמע",
    },
];

/// The words for a BCP 47 language tag; English where the language is not among ours.
pub fn in_language(tag: &str) -> &'static Words {
    let language = primary(tag);
    ALL.iter().find(|words| words.lang.as_bytes() == &language[..2] && language[2] == 0).unwrap_or(&ALL[0])
}

/// The direction of the script of a tag's language, for the `dir` attribute.
pub fn direction(tag: &str) -> &'static str {
    if matches!(&primary(tag), b"ar\0" | b"he\0" | b"fa\0" | b"ur\0") { "rtl" } else { "ltr" }
}

/// The primary language of a tag, two or three letters in lower case. It works on bytes, since slicing a `str` would cost more
/// than all texts of a language.
fn primary(tag: &str) -> [u8; 3] {
    let mut language = [0; 3];
    for (at, byte) in tag.bytes().take_while(|byte| *byte != b'-').enumerate() {
        match language.get_mut(at) {
            Some(letter) => *letter = byte.to_ascii_lowercase(),
            None => return [0; 3],
        }
    }
    language
}

#[cfg(test)]
mod tests {
    use super::{direction, in_language};

    #[test]
    fn a_region_does_not_change_the_words_and_an_unknown_language_gets_english() {
        for (tag, close) in
            [("de-AT", "Schließen"), ("DE", "Schließen"), ("tlh", "Close"), ("", "Close"), ("é", "Close")]
        {
            assert_eq!(in_language(tag).close, close, "{tag}");
        }
        assert_eq!(in_language("jam").lang, "en", "Jamaican Creole is not Japanese");
    }

    #[test]
    fn a_script_has_a_direction_whether_its_words_are_among_ours_or_not() {
        for (tag, direction_of) in
            [("ar", "rtl"), ("fa-IR", "rtl"), ("HE", "rtl"), ("arn", "ltr"), ("en", "ltr"), ("", "ltr")]
        {
            assert_eq!(direction(tag), direction_of, "{tag}");
        }
    }
}
