//! The addresses of kept outputs: `actwright://output/{id}`, its parts and its displays.

use crate::names::OutputId;
use crate::outputs::Part;

const BASE: &str = "actwright://output/";

/// What an address points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A text, whole or a range of it.
    Text {
        /// Which text; `None` is the output, or what stands in for it.
        part: Option<Part>,
        /// The first character.
        offset: u64,
        /// How many characters, if the address says so.
        limit: Option<u64>,
    },
    /// One form of a display.
    Display {
        /// Its number, from 0.
        n: usize,
        /// Which form, if the address says so.
        media_type: Option<String>,
    },
}

/// The address of a part of an output.
pub(super) fn of_part(id: &OutputId, part: Part) -> String {
    match part {
        Part::Output => format!("{BASE}{id}"),
        part => format!("{BASE}{id}/{}", part.name()),
    }
}

/// The address of a display, or of one form of it.
pub(super) fn of_display(id: &OutputId, n: usize, media_type: Option<&str>) -> String {
    match media_type {
        None => format!("{BASE}{id}/display/{n}"),
        Some(media_type) => format!("{BASE}{id}/display/{n}?type={media_type}"),
    }
}

/// Reads an address.
pub(super) fn parse(uri: &str) -> Option<(OutputId, Target)> {
    let rest = uri.strip_prefix(BASE)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut segments = path.split('/');
    let id = OutputId::parse(segments.next()?).ok()?;
    let kind = segments.next();
    let detail = segments.next();
    if segments.next().is_some() {
        return None;
    }
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    let target = match (kind, detail) {
        (Some("display"), Some(n)) => {
            let media_type = get("type").map(|value| value.replace("%2F", "/").replace("%2B", "+"));
            Target::Display { n: n.parse().ok()?, media_type }
        }
        (kind, None) => {
            let part =
                kind.filter(|name| !name.is_empty()).map(|name| Part::parse(name).ok_or(())).transpose();
            let number = |name| get(name).map(str::parse::<u64>).transpose();
            Target::Text {
                part: part.ok()?,
                offset: number("offset").ok()?.unwrap_or(0),
                limit: number("limit").ok()?,
            }
        }
        _ => return None,
    };
    Some((id, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        let id = OutputId::parse("o_0123456789abcdef0123456789abcdef").unwrap();
        let text = |part, offset, limit| Some((id.clone(), Target::Text { part, offset, limit }));
        let display = |n, media_type: Option<&str>| {
            Some((id.clone(), Target::Display { n, media_type: media_type.map(str::to_owned) }))
        };
        assert_eq!(parse(&of_part(&id, Part::Output)), text(None, 0, None));
        assert_eq!(parse(&of_part(&id, Part::Stderr)), text(Some(Part::Stderr), 0, None));
        assert_eq!(parse(&format!("{BASE}{id}?offset=5&limit=7")), text(None, 5, Some(7)));
        assert_eq!(parse(&of_display(&id, 2, None)), display(2, None));
        assert_eq!(parse(&of_display(&id, 0, Some("image/svg+xml"))), display(0, Some("image/svg+xml")));
        for bad in ["", "file:///etc/passwd", BASE, &format!("{BASE}o_1"), &format!("{BASE}{id}/../x")] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&format!("{BASE}{id}?offset=-1")), None);
        assert_eq!(parse(&format!("{BASE}{id}/nothing")), None);
    }
}
