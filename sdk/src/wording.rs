//! The words of the chrome in the page's language.

/// What the SDK itself says to a visitor.
pub struct Words {
    pub open: &'static str,
    pub close: &'static str,
    pub unread: &'static str,
    pub failed: &'static str,
    pub retry: &'static str,
    /// What a frame is called while nobody has said what is in it.
    pub content: &'static str,
    /// The language that these words are in.
    pub lang: &'static str,
    /// The direction of the script of the language that was asked for, for the `dir` attribute.
    pub dir: &'static str,
}

const fn words(
    lang: &'static str,
    open: &'static str,
    close: &'static str,
    unread: &'static str,
    failed: &'static str,
    retry: &'static str,
    content: &'static str,
) -> Words {
    Words { lang, open, close, unread, failed, retry, content, dir: "ltr" }
}

const ENGLISH: Words =
    words("en", "Open", "Close", "unread", "This content could not be loaded.", "Retry", "Embedded content");

/// The words for a BCP 47 language tag; English where the language is not among ours.
pub fn in_language(tag: &str) -> Words {
    let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    match &*language {
        "de" => words(
            "de",
            "Öffnen",
            "Schließen",
            "ungelesen",
            "Dieser Inhalt konnte nicht geladen werden.",
            "Erneut versuchen",
            "Eingebetteter Inhalt",
        ),
        "fr" => words(
            "fr",
            "Ouvrir",
            "Fermer",
            "non lus",
            "Ce contenu n’a pas pu être chargé.",
            "Réessayer",
            "Contenu intégré",
        ),
        "es" => words(
            "es",
            "Abrir",
            "Cerrar",
            "sin leer",
            "No se pudo cargar este contenido.",
            "Reintentar",
            "Contenido incrustado",
        ),
        "it" => words(
            "it",
            "Apri",
            "Chiudi",
            "non letti",
            "Impossibile caricare questo contenuto.",
            "Riprova",
            "Contenuto incorporato",
        ),
        "pt" => words(
            "pt",
            "Abrir",
            "Fechar",
            "não lidas",
            "Não foi possível carregar este conteúdo.",
            "Tentar de novo",
            "Conteúdo incorporado",
        ),
        "nl" => words(
            "nl",
            "Openen",
            "Sluiten",
            "ongelezen",
            "Deze inhoud kon niet worden geladen.",
            "Opnieuw proberen",
            "Ingesloten inhoud",
        ),
        "ja" => words(
            "ja",
            "開く",
            "閉じる",
            "件の未読",
            "このコンテンツを読み込めませんでした。",
            "再試行",
            "埋め込みコンテンツ",
        ),
        "zh" => words("zh", "打开", "关闭", "条未读", "无法加载此内容。", "重试", "嵌入的内容"),
        "ar" => Words {
            dir: "rtl",
            ..words(
                "ar",
                "فتح",
                "إغلاق",
                "غير مقروءة",
                "تعذّر تحميل هذا المحتوى.",
                "إعادة المحاولة",
                "محتوى مضمَّن",
            )
        },
        "he" => Words {
            dir: "rtl",
            ..words(
                "he",
                "פתיחה",
                "סגירה",
                "לא נקראו",
                "לא ניתן היה לטעון את התוכן.",
                "ניסיון נוסף",
                "תוכן מוטמע",
            )
        },
        "fa" | "ur" => Words { dir: "rtl", ..ENGLISH },
        _ => ENGLISH,
    }
}

#[cfg(test)]
mod tests {
    use super::in_language;

    #[test]
    fn a_region_does_not_change_the_words_and_an_unknown_language_gets_english() {
        assert_eq!(in_language("de-AT").close, "Schließen");
        assert_eq!(in_language("ar").dir, "rtl");
        assert_eq!(in_language("tlh").close, "Close");
        assert_eq!(in_language("").close, "Close");
        assert_eq!(in_language("DE").close, "Schließen", "tags have no case");
        assert_eq!(in_language("jam").lang, "en", "Jamaican Creole is not Japanese");
        assert_eq!((in_language("fa").lang, in_language("fa").dir), ("en", "rtl"));
    }
}
