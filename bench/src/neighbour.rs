//! What a session feels of another one that keeps every processor busy.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use crate::cases::{Bench, NEW};
use crate::client::Client;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// A loop that nothing ends but its limit.
const SPIN: &str = "while True: pass";

/// Twenty processes, each first of a session of processes, which the scheduler takes for somebody else's.
const MANY: &str = "import os\nfor _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        break\nwhile True: pass";

impl Bench {
    /// A cell of one session while another one spins.
    pub fn neighbours(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, busy) in [("one that spins", SPIN), ("20 processes that spin", MANY)] {
            let (held, watched) = (self.beside(busy, "auto")?, self.beside(busy, "off")?);
            rows.push(
                Row::new(format!("p95 of 1+1 beside a session of {name}"), held.quantile(0.95), "ms")
                    .goal(Goal::AtMost(20.0))
                    .beside(format!("without control groups: {} ms", number(watched.quantile(0.95)))),
            );
        }
        Ok(rows)
    }

    fn beside(&self, busy: &str, groups: &str) -> anyhow::Result<Sample> {
        let base = self.base.join(format!("groups-{groups}"));
        std::fs::create_dir_all(&base).context("no base directory")?;
        std::fs::write(base.join("actwright.toml"), format!("[sandbox]\ncontrol_groups = \"{groups}\"\n"))?;
        let base = base.to_str().context("the base directory is not UTF-8")?;
        let mut client = Client::connect(&self.program, &["serve", "--base", base])?;
        let call = json!({"name": "run_code", "arguments": {"code": "1+1"}});
        client.ask("tools/call", call.clone())?;
        client.request(
            "tools/call",
            json!({"name": "run_code", "arguments": {"code": busy, "session": NEW}}),
        )?;
        std::thread::sleep(Duration::from_millis(500));
        let mut sample = Sample::default();
        for _ in 0..self.effort.times(400) {
            let start = Instant::now();
            client.ask("tools/call", call.clone())?;
            sample.add(start.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(sample)
    }
}
