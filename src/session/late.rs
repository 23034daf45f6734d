//! Output that comes after its cell has ended: kept with that cell, and told once in the next report.

use std::collections::VecDeque;

use super::report::LateOutput;
use crate::names::OutputId;
use crate::outputs::{Part, Recorder, Stream};

/// How many ended cells can still be written to; what comes for older ones is dropped.
const CELLS: usize = 32;

/// The most text of one cell that one report tells.
const TOLD: u64 = 4_000;

/// The ended cells of a session that may still write.
#[derive(Debug, Default)]
pub struct LateBox {
    cells: VecDeque<Ended>,
}

#[derive(Debug)]
struct Ended {
    cell: u64,
    output_id: OutputId,
    recorder: Recorder,
    /// Characters of its output that have been told.
    told: u64,
}

impl LateBox {
    /// A cell has ended; what comes for it from now on is late.
    pub fn listen(&mut self, cell: u64, output_id: OutputId, recorder: Recorder) {
        let told = recorder.recording().chars(Part::Output);
        self.cells.push_back(Ended { cell, output_id, recorder, told });
        if self.cells.len() > CELLS {
            self.cells.pop_front();
        }
    }

    /// Takes late output, as long as its cell stays within the limit of bytes.
    pub fn take(&mut self, cell: u64, stream: Stream, bytes: &[u8], limit: u64) {
        let Some(ended) = self.cells.iter_mut().find(|ended| ended.cell == cell) else { return };
        if ended.recorder.recording().bytes(Part::Output) + bytes.len() as u64 <= limit {
            ended.recorder.write(stream, bytes);
        }
    }

    /// What has come since it was last asked.
    pub fn empty(&mut self) -> Vec<LateOutput> {
        let mut late = Vec::new();
        for ended in &mut self.cells {
            let recording = ended.recorder.recording();
            let total = recording.chars(Part::Output);
            if total > ended.told {
                // The end of a long text says more than its beginning.
                let from = ended.told.max(total.saturating_sub(TOLD));
                let text = recording.slice(Part::Output, from, total).unwrap_or_default();
                ended.told = total;
                late.push(LateOutput { cell: ended.cell, text, output_id: ended.output_id.clone() });
            }
        }
        late
    }
}
