//! New sessions that begin with a library, because sessions before them have imported it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, NEW, printed};
use crate::client::Client;
use crate::copies::pandas;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// How long the server may take to import it behind the sessions.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a cell does that needs the library.
const CELL: &str = "import pandas\nint(pandas.Series([1, 2]).sum())";

impl Bench {
    /// A call that needs a new session and pandas in it, once the server has got ready for such.
    pub fn new_session_with_pandas(&self) -> anyhow::Result<Vec<Row>> {
        let python = pandas(&self.program.with_file_name("bench-pandas"), &self.python)?;
        let base = self.base.join("preload");
        std::fs::create_dir_all(&base).context("no base directory")?;
        let (base, python) = (base.to_str(), python.to_str());
        let (Some(base), Some(python)) = (base, python) else { bail!("a path is not UTF-8") };
        let mut client = Client::connect(&self.program, &["serve", "--base", base, "--python", python])?;
        client.run(json!({"code": CELL}))?;
        let begun = Instant::now();
        while !is_there(&mut client)? {
            if begun.elapsed() > PATIENCE {
                bail!("no session begins with pandas");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut sample = Sample::default();
        for _ in 0..self.effort.times(100) {
            // The pool refills behind the reply; a client that thinks between calls gives it this time too.
            std::thread::sleep(Duration::from_millis(50));
            let start = Instant::now();
            let run = client.run(json!({"code": CELL, "session": NEW}))?;
            sample.add(start.elapsed());
            if run.result != "3" {
                bail!("a session with pandas gave {}", run.result);
            }
            let closing = json!({"name": "close_session", "arguments": {"session": run.session}});
            client.ask("tools/call", closing)?;
        }
        let burst = Sample::take(self.effort.times(40), || {
            client.run(json!({"code": CELL, "session": NEW})).map(drop)
        })?;
        let plain = Sample::take(self.effort.times(20), || {
            printed(Path::new(python), &["-I", "-c", "import pandas"]).map(drop)
        })?;
        Ok(vec![
            Row::new("new session and its first use of pandas", sample.median(), "ms")
                .p95(sample.quantile(0.95))
                .goal(Goal::AtMost(10.0))
                .beside(format!("python3 -c 'import pandas': {} ms", number(plain.median()))),
            Row::new("the same in a burst, no pause between", burst.median(), "ms").p95(burst.quantile(0.95)),
        ])
    }
}

/// Whether the default session, made anew, begins with it. The name is in two pieces, so that it is not taken for a use.
fn is_there(client: &mut Client) -> anyhow::Result<bool> {
    client.ask("tools/call", json!({"name": "reset_session", "arguments": {}}))?;
    let run = client.run(json!({"code": "import sys; 'pan' + 'das' in sys.modules"}))?;
    Ok(run.result == "True")
}
