//! The name someone meant: used wherever a name is not known.
//!
//! Nothing is offered when nothing is close, because a wrong suggestion costs more than none.

/// The closest of `names` to `given`, if one is close enough to be what was meant.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given: String = given.chars().take(64).collect::<String>().to_ascii_lowercase();
    let allowed = (given.chars().count() / 3).clamp(1, 4);
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&given, &name.to_ascii_lowercase()), name))
        .filter(|(steps, _)| *steps <= allowed)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant() {
        let names = ["memory", "processes", "files", "timeout", "max_timeout"];
        assert_eq!(nearest("memroy", names), Some("memory"));
        assert_eq!(nearest("time_out", names), Some("timeout"));
        assert_eq!(nearest("MEMORY", names), Some("memory"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("", names), None);
    }
}
