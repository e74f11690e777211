//! The spool's directory: which one may be used, which files in it are ours, and whose process is alive.
//!
//! In: a path. Out: a new file, locked and with its disk space reserved; the names of what other processes have left. Does not: touch
//! a file that has not our name, our owner, and one name only; follow links.
//!
//! Who lives holds a lock on its file (`fcntl`: of the process, so that a child made by `fork` neither has nor keeps it). The system takes
//! it away with the process, however that ends.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use rustix::process::Resource;

/// Names of the directory that are looked at.
const MOST_NAMES: usize = 16 * 1024;
/// Files that one process can hold locks on at once, see [`HELD`].
const MOST_HELD: usize = 64;

/// A file that is open, locked, and ours.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Let go after the file is closed: a close takes away whatever lock this process has on it by then.
    _held: Held,
}

/// A place in [`HELD`], and what stands there.
#[derive(Debug)]
struct Held(usize, u64);

/// The files that this process has locked: the system would give a process its own lock a second time, and takes a lock away when any
/// descriptor of the file is closed. So no file is opened twice. A name in here is made with the process's id: those of a parent say nothing
/// in its child.
static HELD: [AtomicU64; MOST_HELD] = [const { AtomicU64::new(0) }; MOST_HELD];

fn name_of(metadata: &Metadata) -> u64 {
    let seed = u64::from(std::process::id());
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&metadata.dev().to_le_bytes());
    bytes[8..].copy_from_slice(&metadata.ino().to_le_bytes());
    twox_hash::XxHash3_64::oneshot_with_seed(seed, &bytes) | 1
}

fn hold(name: u64) -> Option<Held> {
    if HELD.iter().any(|held| held.load(Ordering::Acquire) == name) {
        return None;
    }
    let take = |held: &AtomicU64| held.compare_exchange(0, name, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    HELD.iter().position(take).map(|place| Held(place, name))
}

/// In the child of a fork, which holds no lock: its parent's names would only take up places.
pub(super) fn forked() {
    for held in &HELD {
        held.store(0, Ordering::Release);
    }
}

impl Locked {
    /// Locks `file`, unless another living process has it.
    fn new(file: File, path: PathBuf, held: Held) -> Option<Self> {
        let locked = Self { file, path, _held: held };
        rustix::fs::fcntl_lock(locked.file.as_fd(), FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(locked)
    }

    /// Takes the file's name away.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = HELD[self.0].compare_exchange(self.1, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Makes `path` if it is not there.
///
/// # Errors
///
/// When it is the wrong one, or there is no room for it.
pub(super) fn prepare(path: &Path) -> Result<(), Trouble> {
    let wanted = "a directory of this user's, which nobody else may write to";
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| Trouble::new(error, format!("{wanted}; it cannot be made")))?,
        Err(error) => return Err(Trouble::new(error, wanted)),
        Ok(_) => {}
    }
    let metadata = std::fs::symlink_metadata(path).map_err(|error| Trouble::new(error, wanted))?;
    let but = if metadata.is_symlink() {
        "it is a link".to_owned()
    } else if !metadata.is_dir() {
        "it is a file".to_owned()
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        format!("user {} owns it", metadata.uid())
    } else if metadata.mode() & 0o022 != 0 {
        format!("its mode is {:o}; `chmod 700` helps", metadata.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(Trouble::Wrong(format!("{wanted}, but {but}")))
}

/// Why there is no file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The directory is the wrong one, in words that follow "expected".
    Wrong(String),
    /// The directory is the right one, and the system has no room at the moment.
    NoRoom(io::Error),
}

impl Trouble {
    /// Of an error of the system's; `wanted` is what was expected of it.
    pub(super) fn new(error: io::Error, wanted: impl std::fmt::Display) -> Self {
        let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::IO, Errno::NOMEM];
        match Errno::from_io_error(&error) {
            Some(errno) if full.contains(&errno) => Self::NoRoom(error),
            _ => Self::Wrong(format!("{wanted}: {error}")),
        }
    }
}

/// A new file of `bytes` bytes in `directory`: locked, with its disk space reserved, and empty.
///
/// # Errors
///
/// When the directory takes no such file, for ever or for now.
pub(super) fn create(directory: &Path, bytes: u64) -> Result<Locked, Trouble> {
    let wanted = format!("a directory that can take a file of {bytes} bytes");
    let failed = |error| Trouble::new(error, &wanted);
    // Another process may find the file before its lock, and take it away as one that was never used.
    for _ in 0..8 {
        let path = directory.join(format!("{PREFIX}{}-{:016x}{SUFFIX}", std::process::id(), random()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(no_follow())
            .open(&path)
            .map_err(failed)?;
        let held = hold(name_of(&file.metadata().map_err(failed)?));
        let Some(locked) = held.and_then(|held| Locked::new(file, path.clone(), held)) else {
            // Nobody else knows the name, except for whoever took it away already.
            let _ = std::fs::remove_file(path);
            continue;
        };
        if locked.file.metadata().map_err(failed)?.nlink() != 1 {
            continue;
        }
        if let Err(error) = reserve(&locked.file, bytes) {
            let _ = locked.remove();
            return Err(failed(error));
        }
        return Ok(locked);
    }
    Err(Trouble::Wrong(format!(
        "{wanted}: its files cannot be locked, or are taken away as soon as they are made"
    )))
}

fn no_follow() -> i32 {
    (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed()
}

/// Whether the limit on the size of files allows a write that ends at this byte. To be asked before: who goes over it gets a signal that ends
/// the process, even where the file is long enough.
pub(super) fn may_write_up_to(byte: u64) -> bool {
    rustix::process::getrlimit(Resource::Fsize).current.is_none_or(|most| byte <= most)
}

/// Disk space for the whole file: a page of a mapping for which there is none ends the process.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    if !may_write_up_to(bytes) {
        return Err(Errno::FBIG.into());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, IFlags, fallocate, ioctl_getflags, ioctl_setflags};
        use rustix::io::retry_on_intr;

        // Where pages are copied when they are written again (btrfs), what is reserved would be enough for the first time only.
        let _ = ioctl_getflags(file).and_then(|flags| ioctl_setflags(file, flags | IFlags::NOCOW));
        match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes)) {
            Ok(()) => return Ok(()),
            // Not every file system can.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let zeros = vec![0; 1024 * 1024];
    let mut left = bytes;
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        io::Write::write_all(&mut &*file, &zeros[..piece])?;
        left -= piece as u64;
    }
    file.sync_data()
}

const PREFIX: &str = "llmetry-";
const SUFFIX: &str = ".spool";

/// Whether a file of this name may be one of ours: `llmetry-`, a process's id, `-`, 16 digits, `.spool`.
fn is_ours(name: &str) -> bool {
    let Some(middle) = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX)) else {
        return false;
    };
    middle.split_once('-').is_some_and(|(pid, random)| {
        !pid.is_empty()
            && pid.len() <= 10
            && pid.bytes().all(|byte| byte.is_ascii_digit())
            && random.len() == 16
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Paths in `directory` whose names are ours.
pub(super) fn names(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries
        .take(MOST_NAMES)
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .map(|entry| entry.path())
        .collect()
}

/// What became of an attempt to take a file that somebody left.
#[derive(Debug)]
pub(super) enum Left {
    Taken(Locked),
    /// Its process lives, or it is gone.
    Alive,
    /// It is not one of ours.
    NotOurs(&'static str),
}

/// Opens and locks the file at `path` if it is a plain one of this user's and nobody has it.
pub(super) fn take(path: PathBuf) -> Left {
    let Ok(metadata) = std::fs::symlink_metadata(&path) else { return Left::Alive };
    if let Some(why) = why_not_ours(&metadata) {
        return Left::NotOurs(why);
    }
    let name = name_of(&metadata);
    // Before it is opened: the close of one that another thread has locked would unlock it.
    let Some(held) = hold(name) else { return Left::Alive };
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(no_follow() | OFlags::NONBLOCK.bits().cast_signed())
        .open(&path);
    let Ok(file) = opened else { return Left::NotOurs("it cannot be opened for reading and writing") };
    // What was opened may be another file than the one that was looked at.
    match file.metadata() {
        Ok(metadata) if name_of(&metadata) == name => match why_not_ours(&metadata) {
            Some(why) => Left::NotOurs(why),
            None => Locked::new(file, path, held).map_or(Left::Alive, Left::Taken),
        },
        _ => Left::Alive,
    }
}

fn why_not_ours(metadata: &Metadata) -> Option<&'static str> {
    if !metadata.file_type().is_file() {
        return Some("it is not a plain file");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Some("another user owns it");
    }
    (metadata.nlink() != 1).then_some("it has other names")
}

/// A random number.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(u64::from(std::process::id()));
    hasher.finish()
}

/// A number for this run of the system; 0 where it has none.
pub(super) fn boot() -> u64 {
    std::fs::read("/proc/sys/kernel/random/boot_id").map_or(0, |id| twox_hash::XxHash3_64::oneshot(&id))
}
