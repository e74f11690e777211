//! What all kinds of framing hand on.

/// A piece of a body, seen by its framing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Bytes of the document that is under way.
    Data(&'a [u8]),
    /// The document ends here.
    End,
}
