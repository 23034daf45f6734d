//! The files of the glossaries, and how queries are read with them.

use std::collections::HashSet;

use super::*;

fn text(query: &str) -> Option<String> {
    read(query).map(|reading| reading.text)
}

#[test]
fn every_line_of_a_glossary_is_well_formed() {
    for language in &LANGUAGES {
        for (number, line) in language.file.lines().enumerate() {
            let at = format!("{}.txt, line {}", language.code, number + 1);
            let (english, words) = line.split_once(':').expect(&at);
            assert!(english.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' '), "{at}: {english}");
            assert_eq!(english, english.trim(), "{at}");
            assert!(words.starts_with(' ') && !words.trim().is_empty(), "{at}: no words");
            assert_eq!(line, line.trim_end(), "{at}");
        }
    }
}

#[test]
fn every_word_of_a_glossary_can_be_found_and_stands_there_once() {
    for language in &LANGUAGES {
        let mut seen = HashSet::new();
        for (english, word) in language.entries() {
            let at = format!("{}: {english}: {word}", language.code);
            assert!(seen.insert(word), "{at} stands there twice");
            assert_eq!(word, word.to_lowercase(), "{at}");
            let plain = word.trim_end_matches('-');
            let letters = plain.chars().filter(|c| c.is_alphabetic()).count();
            assert!(!word.ends_with('-') || letters >= 3, "{at} is too short for a beginning");
            let parts = pieces(&plain.replace(['_', '-', '\'', '/'], " "));
            assert!(parts.len() <= PHRASE, "{at} is too long a phrase");
            let is_own = |piece: &Piece| piece.script == Some(language.script) || piece.script.is_none();
            assert!(parts.iter().all(is_own), "{at} is of another script");
            if language.kind == Kind::Unspaced {
                assert!(plain.chars().count() <= language.longest && !word.ends_with('-'), "{at}");
            }
        }
        assert!(seen.len() > 400, "{}: {}", language.code, seen.len());
    }
}

#[test]
fn english_words_that_look_like_others_stand_in_order() {
    let words: Vec<&str> = include_str!("english.txt").split_whitespace().collect();
    assert!(words.is_sorted_by(|one, other| one < other));
    assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
}

#[test]
fn queries_are_put_into_english() {
    let check = |language: &str, query: &str, expected: &str| {
        let reading = read(query).unwrap_or_else(|| panic!("{query} was not read"));
        assert_eq!((reading.language, reading.text.as_str()), (language, expected), "{query}");
    };
    check("de", "doppelte Einträge aus einer Liste entfernen", "duplicate element from list remove");
    check("fr", "supprimer les doublons d'une liste", "remove duplicate list");
    check(
        "es",
        "eliminar duplicados de una lista sin cambiar el orden",
        "remove duplicate list without change order",
    );
    check("pt", "remover linhas vazias de um arquivo", "remove line empty file");
    check("it", "rimuovere le righe vuote da un file", "remove row empty from file");
    check("nl", "lege regels uit een bestand verwijderen", "empty line from file remove");
    check("pl", "usuń puste wiersze z pliku", "remove empty row from file");
    check("ru", "удалить пустые строки из файла", "remove empty string line from file");
    check("zh", "删除文件中的空行", "delete file in empty line");
    check("ja", "ファイルから空の行を削除する", "file from empty line remove");
    check("ko", "파일에서 빈 줄을 제거", "file from empty line remove");
}

#[test]
fn traditional_characters_and_plain_letters_are_read_too() {
    assert_eq!(text("壓縮檔案"), text("压缩档案"));
    assert_eq!(text("讀取檔案").as_deref(), Some("read file"));
    assert_eq!(text("Loesche leere Verzeichnisse"), text("Lösche leere Verzeichnisse"));
    assert_eq!(text("anadir una linea al fichero"), text("añadir una línea al fichero"));
    assert_eq!(text("ДЛИНА СТРОКИ"), text("длина строки"));
}

#[test]
fn words_of_two_parts_are_taken_apart() {
    assert_eq!(text("Spaltennamen zählen").as_deref(), Some("column name count"));
    assert_eq!(text("Wochentagsliste").as_deref(), Some("weekday list"));
}

#[test]
fn names_numbers_and_signs_stay() {
    assert_eq!(
        text("Datei ../img/a.png mit SHA-256 prüfen").as_deref(),
        Some("file ../img/a.png with SHA-256 check")
    );
    assert_eq!(text("把 CamelCase 转换成 snake_case").as_deref(), Some("CamelCase convert snake_case"));
    assert_eq!(text("最大的3个元素").as_deref(), Some("largest 3 element"));
}

#[test]
fn english_passes_as_it_is() {
    for query in [
        "remove duplicates from a list",
        "sort list",
        "parse date",
        "parse query string",
        "format table",
        "pour points into a list",
        "linear regression slope intercept",
        "the hat of a man in the sand",
        "urljoin",
        "lru_cache",
        "mkdir -p",
        "combine multiple resources",
        "πr²",
        "",
        " .,; ",
        "1 + 2",
    ] {
        assert_eq!(text(query), None, "{query}");
    }
}

#[test]
fn what_nobody_knows_is_told() {
    assert_eq!(text("квантовая хромодинамика"), None);
    assert!(!read("файл квантовой хромодинамики кварков").expect("one word is known").is_complete);
    assert!(read("удалить файл").expect("all words are known").is_complete);
}

#[test]
fn hostile_queries_are_read_in_bounds() {
    let long = "удалить ".repeat(10_000);
    assert_eq!(read(&long), None);
    let run = "删除文件".repeat(500);
    assert!(read(&run).is_some_and(|reading| reading.text.len() < 20_000));
    for query in ["\u{301}\u{301}", "ﷺ", "が", "ー", "\u{1100}\u{1161}", "-'-'-", "ß", "\u{0}дата"] {
        drop(read(query));
    }
}
