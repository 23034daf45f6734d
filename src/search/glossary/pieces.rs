//! A query in pieces: words of one script each, and what stands between them.

use unicode_normalization::UnicodeNormalization;

use super::entries::Script;

/// Chinese characters of the traditional set, each before the simple one, as far as words of the glossary are written with them.
const TRADITIONAL: &str = "過过給给讓让還还這这個个嗎吗麼么來来從从與与帶带無无後后間间對对於于並并並并兩两組组順顺\
    連连聯联刪删計计數数現现尋寻檢检測测讀读寫写進进記记憶忆緩缓壓压縮缩檔档歸归轉转變变換换預预設设創创\
    製制構构產产類类複复製制貝贝動动較较區区別别異异斷断確确認认驗验證证過过濾滤篩筛選选擇择獲获載载儲储\
    開开關关閉闭啟启運运執执調调顯显總总計计乘乘餘余約约簽签編编碼码碎碎義义號号鑰钥機机鍵键項项單单詞词\
    語语輔辅標标題题頭头欄栏陣阵轉转點点進进羅罗爾尔獨独巢巢層层遞递歸归長长舊旧達达邊边範范圍围限限從从\
    寫写縮缩號号達达則则匹匹離离檔档資资夾夹錄录徑径磁磁盤盘權权許许戶户賬账帳帐時时戳戳週周閏闰鐘钟續续\
    終终線线節节圖图樹树葉叶佇伫隊队棧栈堆堆緒绪鎖锁內内頁页網网鏈链絡络請请詢询響响應应郵邮訊讯圖图顏颜\
    數数類类對对參参模模塊块碼码實实現现載载裝装飾饰環环輔辅滑滑動动窗窗輸输傳传結结錯错誤误警警誌志達达\
    板板籤签可可讀读譯译說说話话缺缺存存內内積积絕绝階阶標标圓圆單单貨货幣币價价國国稱称電电話话應应條条\
    權权優优級级環环令令讀读傳传牌牌鄰邻連连純纯滿满極极導导強强丟丢視视體体據据庫库駝驼確确實实發发氣气\
    戶户票票為为隨随統统處处場场歲岁漢汉異异覽览紀纪學学長长張张當当樣样節节";

/// A piece of a query.
#[derive(Debug)]
pub(super) struct Piece {
    /// As it was typed.
    pub(super) text: String,
    /// In small letters.
    pub(super) plain: String,
    /// Without accents.
    pub(super) folded: String,
    /// The script of its letters; none for what is no word.
    pub(super) script: Option<Script>,
    pub(super) follows_space: bool,
}

impl Piece {
    /// Whether it may stand in a glossary; identifiers and numbers may not.
    pub(super) fn is_word(&self) -> bool {
        self.script.is_some()
    }

    /// Whether it is a sign that makes a path, a file's ending or the like of the word behind it.
    pub(super) fn is_glue(&self) -> bool {
        !self.is_word() && self.text.ends_with(['/', '\\', '.', '"', '[', '{', '<', '@', '#', '$'])
    }
}

/// Takes a query apart.
pub(super) fn pieces(query: &str) -> Vec<Piece> {
    let query: String = query.nfkc().collect();
    let mut found = Vec::new();
    let mut rest = query.as_str();
    let mut follows_space = false;
    while let Some(first) = rest.chars().next() {
        let class = class_of(first);
        let end = rest.find(|c| class_of(c) != class).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        if class == Class::Space {
            follows_space = true;
            continue;
        }
        found.push(piece(run, class, follows_space));
        follows_space = false;
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letters(Script),
    Sign,
}

fn class_of(c: char) -> Class {
    if c.is_whitespace() {
        Class::Space
    } else if let Some(script) = script_of(c) {
        Class::Letters(script)
    } else if c.is_ascii_digit() || c == '_' {
        Class::Letters(Script::Latin)
    } else {
        Class::Sign
    }
}

fn piece(run: &str, class: Class, follows_space: bool) -> Piece {
    let mut script = if let Class::Letters(script) = class { Some(script) } else { None };
    let is_inside = |c: char| c.is_uppercase();
    if run.contains(|c: char| c.is_ascii_digit() || c == '_')
        || script == Some(Script::Latin)
            && run.chars().skip(1).any(is_inside)
            && run.chars().any(char::is_lowercase)
    {
        script = None;
    }
    let plain = run.to_lowercase();
    let plain = if script == Some(Script::Han) { simple(&plain) } else { plain };
    let folded = folded(&plain);
    Piece { text: run.to_owned(), plain, folded, script, follows_space }
}

/// Small letters without accents.
pub(super) fn folded(plain: &str) -> String {
    if plain.is_ascii() {
        return plain.to_owned();
    }
    let mut folded = String::with_capacity(plain.len());
    for c in plain.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ı' => folded.push('i'),
            _ => folded.push(c),
        }
    }
    folded.nfc().collect()
}

/// With the characters of mainland China.
pub(super) fn simple(text: &str) -> String {
    let of = |c: char| {
        let mut pairs = TRADITIONAL.chars();
        while let (Some(traditional), Some(simple)) = (pairs.next(), pairs.next()) {
            if traditional == c {
                return simple;
            }
        }
        c
    };
    text.chars().map(of).collect()
}

/// The script of a letter, as far as a glossary is written in it.
pub(super) fn script_of(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{24f}' => {
            Some(Script::Latin)
        }
        '\u{300}'..='\u{36f}' => Some(Script::Latin),
        '\u{400}'..='\u{52f}' => Some(Script::Cyrillic),
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => Some(Script::Hangul),
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' => Some(Script::Han),
        _ => None,
    }
}

/// Whether a letter is one that words are made of, rather than the endings between them.
pub(super) fn is_meant(c: char) -> bool {
    !matches!(c, '\u{3041}'..='\u{309f}' | 'ー')
}
