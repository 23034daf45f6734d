//! A tree with one of everything is copied and emptied.

use std::os::unix::fs::OpenOptionsExt;

use super::*;

fn temporary(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("{name}-{:x}", sys::random_u128().unwrap()));
    fs::create_dir(&path).unwrap();
    path
}

#[test]
fn a_tree_is_copied_with_its_holes_links_modes_and_times() {
    let (from, to) = (temporary("copied"), temporary("copy"));
    fs::create_dir(from.join("d")).unwrap();
    fs::write(from.join("d/a"), "text").unwrap();
    fs::set_permissions(from.join("d/a"), Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(from.join("d/a"), from.join("b")).unwrap();
    symlink("/nowhere", from.join("link")).unwrap();
    sys::make_pipe(&from.join("pipe"), 0o600).unwrap();
    let sparse = File::options().write(true).create_new(true).mode(0o600).open(from.join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    sparse.write_all_at(b"end", (1 << 40) - 3).unwrap();
    copy_tree(&from, &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "text");
    let (old, new) = (fs::metadata(from.join("d/a")).unwrap(), fs::metadata(to.join("d/a")).unwrap());
    assert_eq!((new.mode(), new.modified().unwrap()), (old.mode(), old.modified().unwrap()));
    assert_eq!(new.ino(), fs::metadata(to.join("b")).unwrap().ino());
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/nowhere"));
    assert!(fs::symlink_metadata(to.join("pipe")).unwrap().file_type().is_fifo());
    let sparse = fs::metadata(to.join("sparse")).unwrap();
    assert!(sparse.len() == 1 << 40 && sparse.blocks() < 10_000, "{} blocks", sparse.blocks());
    for place in [from, to] {
        empty(&place);
        fs::remove_dir(place).unwrap();
    }
}

#[test]
fn a_file_without_a_name_is_copied() {
    let place = temporary("unnamed");
    fs::write(place.join("x"), "content").unwrap();
    let original = File::open(place.join("x")).unwrap();
    let copy = copy_unnamed(&original, &place).unwrap();
    let mut text = [0; 7];
    copy.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"content");
    assert_eq!(copy.metadata().unwrap().nlink(), 0);
    fs::remove_dir_all(place).unwrap();
}
