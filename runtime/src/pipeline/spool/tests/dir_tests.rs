//! Which directories and files are taken, and what is said of others.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let folder = Folder::new();
    let name = |digit: u8| folder.0.join(format!("llmetry-1-{digit:016x}.spool"));
    let spool = folder.spool(MIN_BYTES);
    let mut other = fs::read(folder.file()).unwrap();
    drop(spool);
    for head in 0..HEADS {
        other[head * HEAD + WORD] = 99;
    }
    let target = folder.0.join("precious");
    fs::write(&target, "precious").unwrap();
    fs::write(name(1), &other).unwrap();
    fs::write(
        name(2),
        "hello, this is a text that somebody else has written, and it is long enough for a header",
    )
    .unwrap();
    symlink(&target, name(3)).unwrap();
    fs::hard_link(&target, name(4)).unwrap();
    fs::create_dir(name(5)).unwrap();
    fs::write(folder.0.join("llmetry-x-1.spool"), &other).unwrap();
    // Never used: this one is ours, and goes.
    fs::write(name(6), vec![0; 4096]).unwrap();
    assert!(recover(&folder.0, true).is_empty());
    assert_eq!(fs::read(name(1)).unwrap(), other);
    assert!(name(2).exists() && name(4).exists() && name(5).exists() && !name(6).exists());
    assert!(fs::symlink_metadata(name(3)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_that_says_why() {
    let folder = Folder::new();
    let said = |path: &Path| open(path, MIN_BYTES).unwrap_err().to_string();
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    assert!(said(&file).contains("it is a file"), "{}", said(&file));
    let link = folder.0.join("link");
    symlink(std::env::temp_dir(), &link).unwrap();
    assert!(said(&link).contains("it is a link"), "{}", said(&link));
    let shared = folder.0.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o770)).unwrap();
    let text = said(&shared);
    assert!(text.starts_with("Builder::spool(") && text.contains("its mode is 770"), "{text}");
    assert!(said(Path::new("/dev/null/spool")).contains("cannot be"));
    let below = folder.0.join("a/b");
    drop(open(&below, MIN_BYTES).unwrap());
    assert_eq!(fs::metadata(&below).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(dir::names(&folder.0).is_empty());
}

#[test]
fn a_disk_without_room_is_no_error() {
    let folder = Folder::new();
    // More than any disk has.
    assert!(open(&folder.0, u64::MAX / 4).unwrap().is_none());
    assert!(dir::names(&folder.0).is_empty());
    for (errno, no_room) in [(rustix::io::Errno::DQUOT, true), (rustix::io::Errno::ROFS, false)] {
        assert_eq!(matches!(Trouble::new(errno.into(), "room"), Trouble::NoRoom(_)), no_room, "{errno}");
    }
}

#[test]
fn files_are_private_and_their_space_is_reserved() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let metadata = fs::metadata(folder.file()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.len(), spool.header.bytes);
    assert!(
        metadata.blocks() * 512 >= spool.header.bytes,
        "{} of {}",
        metadata.blocks() * 512,
        metadata.len()
    );
}
