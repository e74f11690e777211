//! A text, cut into passages, and an index of their words.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// A search gives back so many passages at most.
const MAX_HITS: usize = 3;

/// A text in passages: what stands between empty lines.
#[derive(Clone, Debug)]
pub(crate) struct Document(Vec<String>);

impl Document {
    pub(crate) fn new(text: &str) -> Self {
        let passages = text.split("\n\n").map(str::trim).filter(|passage| !passage.is_empty());
        Self(passages.map(str::to_owned).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A search before there is an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotIndexed;

impl fmt::Display for NotIndexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document has no index yet")
    }
}

impl std::error::Error for NotIndexed {}

/// Which word stands in which passages.
#[derive(Debug)]
pub(crate) struct Index {
    document: Document,
    passages_of: HashMap<String, HashSet<usize>>,
}

impl Index {
    pub(crate) fn new(document: Document) -> Self {
        let mut passages_of: HashMap<String, HashSet<usize>> = HashMap::new();
        for (number, passage) in document.0.iter().enumerate() {
            for word in words(passage) {
                passages_of.entry(word).or_default().insert(number);
            }
        }
        Self { document, passages_of }
    }

    /// The passages that share most words with `query`, rare words first.
    pub(crate) fn search(&self, query: &str) -> Vec<&str> {
        let mut scores: HashMap<usize, usize> = HashMap::new();
        for passages in words(query).iter().filter_map(|word| self.passages_of.get(word)) {
            for number in passages {
                *scores.entry(*number).or_default() += 1 + self.document.len() / passages.len();
            }
        }
        let mut hits: Vec<(usize, usize)> =
            scores.into_iter().map(|(number, score)| (score, number)).collect();
        hits.sort_by_key(|(score, number)| (usize::MAX - score, *number));
        hits.iter().take(MAX_HITS).map(|(_, number)| self.document.0[*number].as_str()).collect()
    }
}

/// The words of a text, in lower case.
pub(crate) fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
