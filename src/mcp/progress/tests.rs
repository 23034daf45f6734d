//! Tests of what is said while a cell runs.

use super::*;
use crate::outputs::Stream;

fn output(text: &str) -> RunEvent {
    RunEvent::Output { stream: Stream::Stdout, text: text.to_owned() }
}

#[test]
fn silence_is_a_sign_of_life() {
    assert_eq!(News::default().text(Duration::from_secs(7)), "running for 7 s");
}

#[test]
fn prints_come_together_and_a_flood_shows_its_end() {
    let mut news = News::default();
    news.take(output("a\n"));
    news.take(output("b\n"));
    news.take(RunEvent::Progress { done: 3.0, total: Some(10.0), message: "load".into() });
    assert_eq!(news.text(Duration::ZERO), "3/10 load\na\nb\n");
    assert!(news.since.is_none());
    for _ in 0..3 {
        news.take(output(&"é".repeat(1_500)));
    }
    let text = news.text(Duration::ZERO);
    assert!(text.starts_with("[… 2500 characters …]\né"), "{text}");
    assert_eq!(text.chars().filter(|c| *c == 'é').count(), 2_000);
}
