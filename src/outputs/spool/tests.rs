//! Tests of the spool: every range reads back the same, whatever lies in memory and what on disk.

use super::*;

#[test]
fn every_range_reads_back() {
    let dir = std::env::temp_dir();
    for total in [0usize, 10, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY + 17] {
        let bytes: Vec<u8> = (0..total).map(|i| (i % 251) as u8).collect();
        let mut spool = Spool::default();
        for chunk in bytes.chunks(7001) {
            spool.append(&dir, chunk);
        }
        assert_eq!(spool.len(), total as u64);
        for (from, to) in [(0, total), (5, 6), (total / 3, total / 2), (total.saturating_sub(9), total + 50)]
        {
            let expected = &bytes[from.min(total)..to.min(total)];
            assert_eq!(spool.read(from as u64, to as u64).unwrap(), expected, "{from}..{to} of {total}");
        }
        let copy = spool.duplicate(&dir).unwrap();
        assert_eq!(copy.read(0, total as u64).unwrap(), bytes);
    }
}

#[test]
fn a_disk_that_refuses_costs_the_tail_and_not_the_cell() {
    let nowhere = Path::new("/nonexistent-directory");
    let mut spool = Spool::default();
    for _ in 0..100 {
        spool.append(nowhere, &[b'x'; 4096]);
    }
    assert_eq!(spool.len(), 409_600);
    assert!(spool.stored() >= IN_MEMORY as u64 && spool.stored() < spool.len());
    assert_eq!(spool.read(0, u64::MAX).unwrap().len() as u64, spool.stored());
}
