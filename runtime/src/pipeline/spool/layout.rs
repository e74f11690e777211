//! Where things stand in a spool's file, and the seal that each of them has.
//!
//! ```text
//! head    256 KiB   header · anchor · resource · table of sites
//! head    256 KiB   the same once more: a torn one loses nothing
//! cells     1 MiB   a place for each of the first 16 384 open spans
//! blocks            4 KiB each: a header of 64 bytes, then frames
//! ```
//!
//! Everything is little-endian and in words of 8 bytes. What is written is sealed: a word with its length and a checksum stands before
//! it. The checksum is seeded with a number of the file's own, the place, and (in blocks) the block's sequence number: what an earlier
//! user of the block left behind is not taken for a frame, nor is a text that looks like one. So a frame is in the file when it is whole,
//! and nothing else has to say so.
//!
//! Does not: read or write.

use twox_hash::XxHash3_64;

/// How files of other versions are told from ours. To be raised whenever the meaning of a byte changes.
pub(super) const VERSION: u64 = 1;
/// The first word of each file.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"llmspool");

pub(super) const WORD: usize = 8;

/// A head, and how many there are.
pub(super) const HEAD: usize = 256 * 1024;
pub(super) const HEADS: usize = 2;
/// Places in a head.
pub(super) const ANCHOR: usize = 2048;
pub(super) const RESOURCE: usize = 4096;
pub(super) const SITES: usize = 64 * 1024;

pub(super) const CELLS: usize = HEADS * HEAD;
pub(super) const CELL: usize = 64;
pub(super) const CELL_COUNT: usize = 16 * 1024;

pub(super) const BLOCKS: usize = CELLS + CELL * CELL_COUNT;

pub(super) use super::ring::BLOCK;

/// The words of the header, in this order; the last is the checksum of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Of the file.
    pub(super) bytes: u64,
    pub(super) pid: u64,
    /// Names the system's run; 0: unknown.
    pub(super) boot: u64,
    /// Random; seeds every checksum.
    pub(super) key: u64,
    pub(super) convention: u64,
}

/// Words of a header: magic, version, the fields, the checksum.
const HEADER_WORDS: usize = 8;
pub(super) const HEADER: usize = HEADER_WORDS * WORD;

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// Nothing was ever written.
    Empty,
    /// Another program's file.
    Foreign,
    /// Of this version of the layout.
    Version(u64),
    Torn,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut words = [MAGIC, VERSION, self.bytes, self.pid, self.boot, self.key, self.convention, 0];
        let mut bytes = [0; HEADER];
        put(&mut bytes, &words);
        words[HEADER_WORDS - 1] = XxHash3_64::oneshot(&bytes[..HEADER - WORD]);
        put(&mut bytes, &words);
        bytes
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<Self, NoHeader> {
        let word = |index: usize| word_at(bytes, index * WORD);
        match (word(0), word(1)) {
            (MAGIC, VERSION) => {}
            (MAGIC, version) => return Err(NoHeader::Version(version)),
            (0, 0) => return Err(NoHeader::Empty),
            _ => return Err(NoHeader::Foreign),
        }
        if word(HEADER_WORDS - 1) != XxHash3_64::oneshot(&bytes[..HEADER - WORD]) {
            return Err(NoHeader::Torn);
        }
        Ok(Self { bytes: word(2), pid: word(3), boot: word(4), key: word(5), convention: word(6) })
    }

    /// Blocks that a file of this size has.
    pub(super) fn blocks(&self) -> u32 {
        blocks(self.bytes)
    }
}

/// Blocks in a file of so many bytes.
pub(super) fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.saturating_sub(BLOCKS as u64) / BLOCK as u64).unwrap_or(u32::MAX)
}

fn put(bytes: &mut [u8], words: &[u64]) {
    for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// The word at byte `at`; 0 where there is none.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + WORD).and_then(|word| word.try_into().ok());
    u64::from_le_bytes(word.unwrap_or_default())
}

/// The word that stands before `payload` (whole words) at byte `at` of the file: its length in words, and the checksum.
#[inline]
pub(super) fn seal(key: u64, sequence: u64, at: u64, payload: &[u8]) -> u64 {
    let seed = key ^ sequence.rotate_left(32) ^ at;
    let check = XxHash3_64::oneshot_with_seed(seed, payload) >> 32;
    check << 32 | (payload.len() / WORD) as u64 & 0xffff_ffff
}

/// The payload behind the seal at `from` in `bytes`, which begin at byte `at` of the file; `None` where nothing is whole.
#[inline]
pub(super) fn unseal(key: u64, sequence: u64, at: u64, bytes: &[u8], from: usize) -> Option<&[u8]> {
    let word = word_at(bytes, from);
    let length = usize::try_from(word & 0xffff_ffff).ok()?.checked_mul(WORD).filter(|length| *length > 0)?;
    let begin = from + WORD;
    let payload = bytes.get(begin..begin.checked_add(length)?)?;
    (seal(key, sequence, at + from as u64, payload) == word).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_or_refused_with_a_reason() {
        let header = Header { bytes: 4 << 20, pid: 7, boot: 8, key: 9, convention: 1 };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        assert_eq!(Header::decode(&[0; HEADER]), Err(NoHeader::Empty));
        assert_eq!(Header::decode(&[b'x'; HEADER]), Err(NoHeader::Foreign));
        let mut other = bytes;
        other[WORD] = 77;
        assert_eq!(Header::decode(&other), Err(NoHeader::Version(77)));
        for at in 2 * WORD..HEADER {
            let mut torn = bytes;
            torn[at] ^= 0x40;
            assert_eq!(Header::decode(&torn), Err(NoHeader::Torn), "byte {at}");
        }
    }

    #[test]
    fn a_seal_holds_in_its_place_only() {
        let payload = [5; 24];
        let mut bytes = seal(1, 2, 4096, &payload).to_le_bytes().to_vec();
        bytes.extend(payload);
        assert_eq!(unseal(1, 2, 4096, &bytes, 0), Some(&payload[..]));
        for (key, sequence, at) in [(0, 2, 4096), (1, 3, 4096), (1, 2, 4104)] {
            assert_eq!(unseal(key, sequence, at, &bytes, 0), None);
        }
        for bit in 0..bytes.len() * 8 {
            let mut torn = bytes.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(1, 2, 4096, &torn, 0), None, "bit {bit}");
        }
    }
}
