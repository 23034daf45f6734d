//! Memory of a process and everything it started: proportional set size from `smaps_rollup`.
//!
//! Pages that many processes share are divided among them, so the sum counts each page once. Workers run
//! under other ids and namespaces; without the right to read all of them there is no number, never a wrong one.

use std::collections::HashMap;

use anyhow::{Context, bail};

/// Megabytes of the process and all its descendants.
pub fn of_tree(root: u32) -> anyhow::Result<f64> {
    tree(root)?.into_iter().map(of_process).sum()
}

/// Megabytes of this process alone.
pub fn of_process(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("Pss:")) else {
        bail!("{path} has no `Pss`");
    };
    let number = line.trim().trim_end_matches("kB").trim_end();
    let kilobytes = number.parse::<u64>().with_context(|| format!("`Pss` is `{number}`"))?;
    Ok(kilobytes as f64 * 1024.0 / 1e6)
}

/// The process and all its descendants, by the parents that `/proc` names.
fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process that has just ended is in no tree.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name, in brackets, may hold spaces and brackets.
        let mut after = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, parent) = (after.next(), after.next());
        if let (Some(state), Some(Ok(parent))) = (state, parent.map(str::parse::<u32>))
            && state != "Z"
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        found.extend(children.remove(&pid).unwrap_or_default());
        at += 1;
    }
    Ok(found)
}
