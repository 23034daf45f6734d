//! A page of a Python package index: where a file of a given name is.
//!
//! Read are both forms that indexes speak: JSON (PEP 691) and HTML (PEP 503). Nothing of a page is believed but an address.

use serde::Deserialize;

/// What is asked for; indexes that know no JSON answer with HTML.
pub const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

#[derive(Deserialize)]
struct Page {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    filename: String,
    url: String,
}

/// The address of a file as the page writes it, relative or not.
pub fn address(page: &str, name: &str) -> Option<String> {
    if let Ok(page) = serde_json::from_str::<Page>(page) {
        return page.files.into_iter().find(|entry| entry.filename == name).map(|entry| entry.url);
    }
    anchors(page).find(|(_, text)| text == name).map(|(address, _)| address)
}

/// The address and the text of every link.
fn anchors(page: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let lower = page.to_ascii_lowercase();
    let starts: Vec<usize> = lower.match_indices("<a").map(|(at, _)| at).collect();
    starts.into_iter().filter_map(move |at| {
        // A tag ends before the next begins: so a page is gone through once, whatever stands in it.
        let end = at + 1 + page.get(at + 1..)?.find(['<', '>'])?;
        let tag = page.get(at + 2..end)?;
        if page.as_bytes().get(end) != Some(&b'>') {
            return None;
        }
        let attribute = tag.to_ascii_lowercase().find("href")?;
        let value = tag.get(attribute + 4..)?.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| ['"', '\''].contains(c))?;
        let address = value.get(1..)?.split(quote).next()?;
        let rest = page.get(end + 1..)?;
        let text = rest.get(..rest.find('<')?)?;
        // Some indexes write `>` in an attribute as it is.
        let text = text.rsplit('>').next()?;
        Some((plain(address), plain(text.trim())))
    })
}

/// The few characters that HTML writes otherwise.
fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn both_forms_of_a_page_are_read() {
        let json = r#"{"meta": {}, "files": [{"filename": "a-1.whl", "url": "../../a-1.whl", "hashes": {}},
            {"filename": "b-1.whl", "url": "https://files.example/b-1.whl"}]}"#;
        let html = "<!DOCTYPE html><html><body><A class=\"x\"\n href='../../a-1.whl?x=1&amp;y=2#sha256=0' data-y>a-1.whl</A>\n\
                    <a href=\"https://files.example/b-1.whl\">b-1.whl</a><a name=x>c-1.whl</a>";
        assert_eq!(address(json, "a-1.whl").as_deref(), Some("../../a-1.whl"));
        assert_eq!(address(json, "b-1.whl").as_deref(), Some("https://files.example/b-1.whl"));
        assert_eq!(address(html, "a-1.whl").as_deref(), Some("../../a-1.whl?x=1&y=2#sha256=0"));
        assert_eq!(address(html, "b-1.whl").as_deref(), Some("https://files.example/b-1.whl"));
        let raw = "<a href='x/d-1.whl' data-requires-python='>=3.9'>d-1.whl</a>";
        assert_eq!(address(raw, "d-1.whl").as_deref(), Some("x/d-1.whl"));
        for page in [json, html, "", "<a", "<a href=", "<a href='x", "{", "<a href=''>c-1.whl"] {
            assert_eq!(address(page, "c-1.whl"), None, "{page}");
        }
    }

    #[test]
    fn a_page_of_nothing_but_beginnings_is_soon_gone_through() {
        let mut page = "<a".repeat(1 << 20);
        assert_eq!(address(&page, "a-1.whl"), None);
        page.push('>');
        assert_eq!(address(&page, "a-1.whl"), None);
        page.push_str("<a href='y'>a-1.whl</a>");
        assert_eq!(address(&page, "a-1.whl").as_deref(), Some("y"));
    }
}
