//! The text of a reply, put together section by section; what was cut is collected for its first line.

use std::io;

use super::uri;
use crate::names::OutputId;
use crate::outputs::{Excerpt, Part, Segment, Segments, Stream};
use crate::session::report::RunReport;

/// Changes of stream up to which the two are shown in the order of writing.
const MAX_SWITCHES: usize = 12;

/// The sections so far.
#[derive(Debug, Default)]
pub(super) struct Sections {
    text: String,
    cuts: Vec<String>,
}

/// Where the rest of a cut text can be read.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// The output.
    pub(super) id: OutputId,
    /// Which of its texts.
    pub(super) part: Part,
}

impl Cut {
    /// A part of this run's own output.
    pub(super) fn of(report: &RunReport, part: Part) -> Self {
        Self { id: report.output_id.clone(), part }
    }

    fn describe(&self, excerpt: &Excerpt, from: u64, to: u64) -> String {
        let (id, part) = (&self.id, self.part.name());
        let address = match self.part {
            Part::Output => id.to_string(),
            _ => format!("{id}/{part}"),
        };
        format!(
            "{part} is {} characters, {} of them cut here; read on with read_output(id=\"{address}\", offset={from}) \
             or the resource {}",
            excerpt.total,
            to - from,
            uri::of_part(id, self.part)
        )
    }
}

impl Sections {
    /// A line, or several, without a header.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.trim_matches('\n');
        if line.is_empty() {
            return;
        }
        self.break_line();
        self.text.push_str(line);
    }

    /// A header and a text under it.
    pub(super) fn excerpt(&mut self, header: &str, excerpt: &Excerpt, cut: Cut) {
        if excerpt.total == 0 {
            return;
        }
        if let Some((from, to)) = excerpt.cut {
            self.cuts.push(cut.describe(excerpt, from, to));
        }
        self.text(header, excerpt);
    }

    /// A text whose cut is not announced.
    pub(super) fn text(&mut self, header: &str, excerpt: &Excerpt) {
        if excerpt.total == 0 {
            return;
        }
        self.line(header);
        self.break_line();
        self.text.push_str(&excerpt.head);
        if let Some((from, to)) = excerpt.cut {
            self.gap(to - from);
            self.text.push_str(&excerpt.tail);
        }
    }

    /// Announces a cut that the caller shows itself.
    pub(super) fn announce(&mut self, excerpt: &Excerpt, cut: &Cut) {
        if let Some((from, to)) = excerpt.cut {
            self.cuts.push(cut.describe(excerpt, from, to));
        }
    }

    /// Whether there is nothing yet.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.cuts.is_empty()
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        let body = self.text.trim_end_matches('\n');
        if self.cuts.is_empty() {
            return body.to_owned();
        }
        format!("[cut] {}\n{body}", self.cuts.join("; "))
    }

    fn break_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn gap(&mut self, chars: u64) {
        self.break_line();
        self.text.push_str(&format!("[… {chars} characters cut …]\n"));
    }
}

/// Adds what the cell wrote, in order where that is readable.
pub(super) fn streams(sections: &mut Sections, report: &RunReport, room: u64) -> io::Result<()> {
    match report.output.segments(MAX_SWITCHES + 1) {
        Segments::Known(runs) => {
            let excerpt = report.output.excerpt(Part::Output, room)?;
            sections.announce(&excerpt, &Cut::of(report, Part::Output));
            interleaved(sections, &excerpt, &runs);
            Ok(())
        }
        Segments::TooMany => {
            let stderr = report.output.chars(Part::Stderr);
            let stdout = report.output.chars(Part::Stdout);
            // Each gets half, and what the other leaves.
            let for_stderr = stderr.min((room / 2).max(room.saturating_sub(stdout)));
            for (part, room) in [(Part::Stdout, room - for_stderr), (Part::Stderr, for_stderr)] {
                let excerpt = report.output.excerpt(part, room)?;
                sections.excerpt(&format!("[{}]", part.name()), &excerpt, Cut::of(report, part));
            }
            Ok(())
        }
    }
}

/// Writes head and tail under the headers of the streams that wrote them.
fn interleaved(sections: &mut Sections, excerpt: &Excerpt, runs: &[Segment]) {
    let (head_end, tail_start) = excerpt.cut.unwrap_or((excerpt.total, excerpt.total));
    let mut shown = None;
    pieces(sections, &excerpt.head, 0, head_end, runs, &mut shown);
    if let Some((from, to)) = excerpt.cut {
        sections.gap(to - from);
        pieces(sections, &excerpt.tail, tail_start, excerpt.total, runs, &mut shown);
    }
}

/// Writes the characters `from..to`, of which `text` is all, run by run.
fn pieces(
    sections: &mut Sections,
    text: &str,
    from: u64,
    to: u64,
    runs: &[Segment],
    shown: &mut Option<Stream>,
) {
    let mut rest = text;
    for run in runs {
        let (start, end) = (run.from.max(from), run.to.min(to));
        if start >= end {
            continue;
        }
        let at = rest.char_indices().nth((end - start) as usize).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(at);
        rest = after;
        if *shown != Some(run.stream) {
            sections.line(&format!("[{}]", run.stream.name()));
            sections.break_line();
            *shown = Some(run.stream);
        }
        sections.text.push_str(piece);
    }
}
