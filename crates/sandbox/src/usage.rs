//! What processes use of the machine, read from `/proc`: memory that is theirs, and processor time.
//!
//! Memory that a file backs is not counted, because the kernel can take it back. What several processes share is
//! counted once: each is charged its proportional share.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Memory of one process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Its proportional share of all that it has mapped and that no file backs.
    pub share: u64,
    /// What would come free if it alone ended.
    pub own: u64,
}

/// The most that this process can be charged for, all that it shares counted in full; 0 if it has ended. Cheap.
pub fn most(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kilobytes(&status, &["RssAnon:", "RssShmem:"])
}

/// What this process is charged for. Where the kernel does not tell, which a process can bring about, that is the
/// most that it can be.
pub fn memory(pid: i32) -> Memory {
    match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(text) if text.contains("Pss_Anon:") => shares(&text),
        _ => Memory { share: most(pid), own: 0 },
    }
}

fn shares(rollup: &str) -> Memory {
    Memory {
        share: kilobytes(rollup, &["Pss_Anon:", "Pss_Shmem:"]),
        own: kilobytes(rollup, &["Private_Clean:", "Private_Dirty:"]),
    }
}

/// The sum of these lines of a table in `/proc`, in bytes.
fn kilobytes(table: &str, names: &[&str]) -> u64 {
    let values = table.lines().filter_map(|line| {
        let (name, value) = line.split_at_checked(line.find(':')? + 1)?;
        let number = value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        names.contains(&name).then_some(number)
    });
    values.sum::<u64>().saturating_mul(1024)
}

/// Bytes in memory files that these processes hold open, each file once. One that is mapped too counts twice, here
/// and where it is mapped.
pub fn memory_files(pids: &[i32]) -> u64 {
    let mut found = BTreeMap::new();
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let path = entry.path();
            if fs::read_link(&path)
                .is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"/memfd:"))
                && let Ok(metadata) = fs::metadata(&path)
            {
                found.insert(metadata.ino(), metadata.blocks().saturating_mul(512));
            }
        }
    }
    found.into_values().sum()
}

/// Bytes in System V segments of this namespace that no process has mapped.
pub fn detached_segments() -> u64 {
    fs::read_to_string("/proc/sysvipc/shm").map(|table| detached(&table)).unwrap_or(0)
}

fn detached(table: &str) -> u64 {
    let segments = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // Columns: key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap. A key may be
        // negative and does not count then.
        let attached = *fields.get(fields.len().checked_sub(10)?)?;
        let resident = *fields.get(fields.len().checked_sub(2)?)?;
        (attached == 0).then_some(resident)
    });
    segments.sum()
}

/// Processor time of a process and of its children that it has collected, in clock ticks; `None` if it has ended.
pub fn ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    sum_of_times(&stat, 4)
}

/// Processor time of the children that a process has collected, in clock ticks.
pub fn ticks_of_collected(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    sum_of_times(&stat, 2)
}

/// The last so many of the fields 14 to 17: its own time in user and kernel mode, then its collected children's.
fn sum_of_times(stat: &str, last: usize) -> Option<u64> {
    // The name in field 2 may hold anything; the last `)` ends it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let times: Vec<u64> = fields.skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times[4 - last..].iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_backs_is_not_charged() {
        let rollup = "Rss: 9000 kB\nPss: 5000 kB\nPss_Anon:    300 kB\nPss_File: 4600 kB\nPss_Shmem:    100 kB\n\
                      Private_Clean:    4 kB\nPrivate_Dirty:    250 kB\n";
        assert_eq!(shares(rollup), Memory { share: 400 << 10, own: 254 << 10 });
    }

    #[test]
    fn this_process_is_charged_for_what_it_fills() {
        let pid = crate::sys::pid();
        let before = memory(pid).share;
        let filled = vec![1_u8; 64 << 20];
        assert!(memory(pid).share > before + (60 << 20), "{before} and {} bytes more", filled.len());
        assert!(most(pid) >= 60 << 20);
    }

    #[test]
    fn only_detached_segments_count() {
        let table = "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      \
                     dtime      ctime        rss       swap\n\
                     -559038737 0  600 8192 10 10 0 1000 1000 1000 1000 1 2 3 4096 0\n\
                     0 1  600 8192 10 10 2 1000 1000 1000 1000 1 2 3 8192 0\n";
        assert_eq!(detached(table), 4096);
    }

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99 0";
        assert_eq!((sum_of_times(stat, 4), sum_of_times(stat, 2)), (Some(100), Some(70)));
        assert_eq!(sum_of_times("7 (x) Z 1", 4), None);
    }
}
