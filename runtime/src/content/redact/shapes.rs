//! What looks like a secret inside of a text, whatever its key: found by one walk through the text, without a regular expression.
//!
//! Every shape begins at an edge of a word, reads ahead no further than it masks or than a fixed number of bytes, and where it reads
//! further it says from where on looking again makes sense: the walk is linear in the text, whatever stands in it.
//!
//! A text may go on behind what is looked at. A secret that reaches the end of it counts then, although it may be too short so far.

use std::borrow::Cow;
use std::ops::Range;

use super::MASK;
use super::keys;

/// A token that is known by its first letters.
struct Token {
    prefix: &'static str,
    /// What it is made of.
    alphabet: Alphabet,
    /// How many of these at least.
    min: usize,
    /// Whether words of human language look alike: then it has to be long or have a digit.
    is_wordlike: bool,
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// Letters and digits.
    Alnum,
    /// And `_`, `-`.
    Url,
    /// And `.`.
    Dotted,
    /// And `+`, `/`, `=`, `~`: what a header may hold.
    Header,
}

const fn token(prefix: &'static str, alphabet: Alphabet, min: usize) -> Token {
    Token { prefix, alphabet, min, is_wordlike: false }
}

const TOKENS: &[Token] = &[
    // OpenAI, Anthropic (sk-ant-) and many that speak their protocol.
    Token { prefix: "sk-", alphabet: Alphabet::Url, min: 8, is_wordlike: true },
    // Stripe
    token("sk_live_", Alphabet::Alnum, 8),
    token("sk_test_", Alphabet::Alnum, 8),
    token("rk_live_", Alphabet::Alnum, 8),
    // AWS
    token("AKIA", Alphabet::Alnum, 12),
    token("ASIA", Alphabet::Alnum, 12),
    // GitHub
    token("ghp_", Alphabet::Alnum, 8),
    token("gho_", Alphabet::Alnum, 8),
    token("ghu_", Alphabet::Alnum, 8),
    token("ghs_", Alphabet::Alnum, 8),
    token("ghr_", Alphabet::Alnum, 8),
    token("github_pat_", Alphabet::Url, 8),
    // GitLab
    token("glpat-", Alphabet::Url, 8),
    // Slack
    token("xoxa-", Alphabet::Url, 8),
    token("xoxb-", Alphabet::Url, 8),
    token("xoxe-", Alphabet::Url, 8),
    token("xoxo-", Alphabet::Url, 8),
    token("xoxp-", Alphabet::Url, 8),
    token("xoxr-", Alphabet::Url, 8),
    token("xoxs-", Alphabet::Url, 8),
    token("xapp-", Alphabet::Url, 8),
    // Google
    token("AIza", Alphabet::Url, 16),
    token("ya29.", Alphabet::Dotted, 16),
    // Hugging Face, Groq, xAI, Perplexity, Replicate, NVIDIA, LangSmith
    token("hf_", Alphabet::Alnum, 8),
    token("gsk_", Alphabet::Alnum, 8),
    token("xai-", Alphabet::Alnum, 16),
    token("pplx-", Alphabet::Alnum, 16),
    token("r8_", Alphabet::Alnum, 16),
    token("nvapi-", Alphabet::Url, 16),
    token("lsv2_", Alphabet::Url, 16),
    // Package registries
    token("npm_", Alphabet::Alnum, 16),
    token("pypi-", Alphabet::Url, 16),
];

/// Names in assignments are no longer.
const MAX_NAME: usize = 64;
/// A header of a private key is no longer.
const MAX_PEM_HEADER: usize = 64;

/// `text` with masks; `goes_on`: it has been cut off at its end. `is_secret` knows keys.
pub(super) fn masked<'t>(text: &'t str, goes_on: bool, is_secret: &dyn Fn(&str) -> bool) -> Cow<'t, str> {
    let mut walk = Walk { text, bytes: text.as_bytes(), goes_on, is_secret, no_jwt_before: 0 };
    let mut clean = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < walk.bytes.len() {
        let Some(secret) = walk.secret_at(at) else {
            at += 1;
            continue;
        };
        if secret.is_empty() {
            at += 1;
            continue;
        }
        clean.push_str(&text[copied..secret.start]);
        clean.push_str(MASK);
        (at, copied) = (secret.end, secret.end);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

struct Walk<'t, 'k> {
    text: &'t str,
    bytes: &'t [u8],
    goes_on: bool,
    is_secret: &'k dyn Fn(&str) -> bool,
    /// Up to here it is known that no web token begins.
    no_jwt_before: usize,
}

impl Walk<'_, '_> {
    /// The secret that is to be masked because of what begins at `at`; it may itself begin later.
    fn secret_at(&mut self, at: usize) -> Option<Range<usize>> {
        let byte = self.bytes[at];
        if byte == b':' {
            return self.url_password(at);
        }
        if byte == b'-' {
            return self.private_key(at);
        }
        if !(byte.is_ascii_alphanumeric() || byte == b'_') || !self.is_edge(at) {
            return None;
        }
        let found = self.token(at).or_else(|| self.web_token(at)).or_else(|| self.scheme(at));
        // A token may be glued to a word before it; a name is looked at as a whole, or `eos_token` would be a `token`.
        let is_name = at == 0 || self.bytes[at - 1] != b'_';
        found.or_else(|| is_name.then(|| self.assignment(at)).flatten())
    }

    /// Whether a word may begin here. `\n` of an escaped text is no letter of the word behind it.
    fn is_edge(&self, at: usize) -> bool {
        match at {
            0 => true,
            1 => !self.bytes[0].is_ascii_alphanumeric(),
            _ => !self.bytes[at - 1].is_ascii_alphanumeric() || self.bytes[at - 2] == b'\\',
        }
    }

    /// Where the run of `alphabet` that begins at `at` ends.
    fn run(&self, at: usize, alphabet: Alphabet) -> usize {
        let is_in = |byte: &u8| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => true,
            b'_' | b'-' => !matches!(alphabet, Alphabet::Alnum),
            b'.' => matches!(alphabet, Alphabet::Dotted | Alphabet::Header),
            b'+' | b'/' | b'=' | b'~' => matches!(alphabet, Alphabet::Header),
            _ => false,
        };
        at + self.bytes[at..].iter().take_while(|byte| is_in(byte)).count()
    }

    fn reaches_cut(&self, end: usize) -> bool {
        self.goes_on && end == self.bytes.len()
    }

    fn token(&self, at: usize) -> Option<Range<usize>> {
        let rest = &self.bytes[at..];
        let token = TOKENS.iter().find(|token| rest.starts_with(token.prefix.as_bytes()))?;
        let begin = at + token.prefix.len();
        let end = self.run(begin, token.alphabet);
        let body = &self.bytes[begin..end];
        let is_long_enough = body.len() >= token.min
            && (!token.is_wordlike || body.len() >= 20 || body.iter().any(u8::is_ascii_digit));
        (is_long_enough || self.reaches_cut(end)).then_some(at..end)
    }

    /// `eyJ….….…`: header, payload, signature.
    fn web_token(&mut self, at: usize) -> Option<Range<usize>> {
        if at < self.no_jwt_before || !self.bytes[at..].starts_with(b"eyJ") {
            return None;
        }
        let end = self.run(at, Alphabet::Dotted);
        let has_parts = end - at >= 16 && self.bytes[at..end].contains(&b'.');
        self.no_jwt_before = end;
        (has_parts || self.reaches_cut(end)).then_some(at..end)
    }

    /// `Bearer x`, `Basic x`: the word stays.
    fn scheme(&self, at: usize) -> Option<Range<usize>> {
        let starts = |word: &str| {
            self.bytes[at..]
                .get(..word.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
        };
        let (word, is_basic) = if starts("bearer") {
            ("bearer", false)
        } else if starts("basic") {
            ("basic", true)
        } else {
            return None;
        };
        let begin = self.behind_blanks(at + word.len());
        let end = self.run(begin, Alphabet::Header);
        let body = &self.bytes[begin..end];
        let has_digit = body.iter().any(u8::is_ascii_digit);
        let looks_random =
            has_digit || body.ends_with(b"=") || body.iter().skip(1).any(u8::is_ascii_uppercase);
        let is_one = if is_basic { body.len() >= 6 && looks_random } else { body.len() >= 8 || has_digit };
        (begin > at + word.len() && (is_one || (self.reaches_cut(end) && begin < end))).then_some(begin..end)
    }

    /// `user:password@` behind `://`, at its colon.
    fn url_password(&self, at: usize) -> Option<Range<usize>> {
        if !self.bytes[at..].starts_with(b"://") {
            return None;
        }
        let begin = at + 3;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>`\\".contains(byte);
        let authority = &self.bytes[begin..];
        let authority = &authority[..authority.iter().position(is_end).unwrap_or(authority.len())];
        let colon = authority.iter().position(|byte| *byte == b':')?;
        let end = match authority.iter().rposition(|byte| *byte == b'@') {
            Some(end) if end > colon => end,
            // Not a host's port, as far as one can see.
            None if self.reaches_cut(begin + authority.len())
                && !authority[colon + 1..].iter().all(u8::is_ascii_digit) =>
            {
                authority.len()
            }
            _ => return None,
        };
        Some(begin + colon + 1..begin + end)
    }

    /// `-----BEGIN … PRIVATE KEY-----` to its end, or that of the text.
    fn private_key(&self, at: usize) -> Option<Range<usize>> {
        let rest = self.text.get(at..)?;
        let header = rest.strip_prefix("-----BEGIN ")?;
        let header = crate::value::prefix(header, MAX_PEM_HEADER);
        let header = header.split_once("-----").map_or(header, |(header, _)| header);
        if !header.contains("PRIVATE KEY") {
            return None;
        }
        let end = rest.find("-----END").map_or(rest.len(), |end| {
            let behind = end + "-----END".len();
            rest[behind..].find("-----").map_or(rest.len(), |dashes| behind + dashes + 5)
        });
        Some(at..at + end)
    }

    /// `password=…`, `api_key: "…"`, `"token": …`, at the name: the value.
    fn assignment(&self, at: usize) -> Option<Range<usize>> {
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let name_end = at + self.bytes[at..].iter().take(MAX_NAME + 1).take_while(is_name).count();
        if name_end - at > MAX_NAME {
            return None;
        }
        let behind_quote = self.behind_quote(name_end);
        // `("x-api-key", "…")`: headers are often lists of pairs.
        let is_in_pair = behind_quote > name_end && at > 1 && self.bytes[at - 2] == b'(';
        let sign = self.behind_blanks(behind_quote);
        let is_flag = sign > name_end && self.bytes[..at].ends_with(b"--");
        let next = match self.bytes.get(sign..)? {
            [b':', b':', ..] => return None,
            [b'=' | b':', b'=' | b'>', ..] => sign + 2,
            [b'=' | b':', ..] => sign + 1,
            [b',', ..] if is_in_pair => sign + 1,
            // `Password("…")`, the `Debug` text of a type or variant that wraps one.
            [b'(', b'"', ..] if sign == name_end => sign + 1,
            // `--password …` of a command.
            [byte, ..] if is_flag && *byte != b'-' => sign,
            _ => return None,
        };
        let name = &self.text[at..name_end];
        if !(self.is_secret)(name) {
            return None;
        }
        let begin = self.behind_blanks(next);
        Some(self.value(begin, keys::is_header(name)))
    }

    /// Past one quote, perhaps an escaped one.
    fn behind_quote(&self, at: usize) -> usize {
        let quote = at + self.bytes[at..].iter().take(8).take_while(|byte| **byte == b'\\').count();
        if matches!(self.bytes.get(quote), Some(b'"' | b'\'')) { quote + 1 } else { at }
    }

    fn behind_blanks(&self, at: usize) -> usize {
        at + self.bytes[at..].iter().take(16).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    /// The value that begins at `begin`: what is between quotes, or up to where a value ends in code, queries and `Debug` texts.
    fn value(&self, begin: usize, is_header: bool) -> Range<usize> {
        let open = self.behind_quote(begin);
        if open > begin {
            return open..self.closing(open, self.bytes[open - 1], open - begin - 1);
        }
        let mut depth = 0_usize;
        let mut at = begin;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' | b'\n' | b'\r' if depth == 0 => break,
                b')' | b']' | b'}' => depth -= 1,
                b'"' if depth > 0 => {
                    at = self.closing(at + 1, b'"', 0) + 1;
                    continue;
                }
                _ if depth > 0 || is_header => {}
                b' ' if self.goes_on_behind_blank(begin, at) => {}
                b',' | b';' | b'&' | b'"' | b'\'' | b'<' | b'\\' => break,
                byte if byte.is_ascii_whitespace() => break,
                _ => {}
            }
            at += 1;
        }
        begin..at.min(self.bytes.len())
    }

    /// Whether the value goes on behind this blank: `Bearer x`, or `Secret { … }` of a `Debug` text.
    fn goes_on_behind_blank(&self, begin: usize, blank: usize) -> bool {
        let word = &self.bytes[begin..blank];
        self.bytes.get(blank + 1) == Some(&b'{')
            || word.eq_ignore_ascii_case(b"bearer")
            || word.eq_ignore_ascii_case(b"basic")
    }

    /// Where the quote is that ends a text which began with so many backslashes before its quote; at the latest the end.
    fn closing(&self, begin: usize, quote: u8, backslashes: usize) -> usize {
        let mut run = 0;
        for (offset, &byte) in self.bytes[begin.min(self.bytes.len())..].iter().enumerate() {
            if byte == b'\\' {
                run += 1;
                continue;
            }
            let closes = if backslashes == 0 { run % 2 == 0 } else { run <= backslashes };
            if byte == quote && closes {
                return begin + offset - if backslashes == 0 { 0 } else { run };
            }
            run = 0;
        }
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        masked(text, false, &keys::is_secret).into_owned()
    }

    fn cut_off(text: &str) -> String {
        masked(text, true, &keys::is_secret).into_owned()
    }

    #[test]
    fn known_tokens_wherever_they_stand() {
        for secret in [
            "sk-abcdefghijklmnopqrst",
            "sk-proj-Ab1_x-yz901",
            "sk-ant-api03-abc123-def",
            "sk_live_4eC39HqLyjWD",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "gho_16C7e42F292c",
            "github_pat_11ABCDEFG_abc",
            "glpat-abcdefgh1234",
            "xoxb-123456789012-abcdef",
            "AIzaSyA1234567890abcdefghijklmnopqrstuv",
            "hf_abcdefghijkl",
            "gsk_abcdefghijkl",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nowIB\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nMIIE",
        ] {
            for (before, after) in
                [("", ""), ("a ", " b"), ("(", ")"), ("key=", ","), ("\\n", "\""), ("ü", "ü")]
            {
                let text = format!("{before}{secret}{after}");
                let pem_to_the_end = secret.ends_with("MIIE");
                let after = if pem_to_the_end { "" } else { after };
                assert_eq!(clean(&text), format!("{before}{MASK}{after}"));
            }
        }
    }

    #[test]
    fn what_follows_a_word_that_announces_it() {
        for (text, expected) in [
            ("Bearer abc.def-1", "Bearer [redacted]"),
            ("authenticated with bearer x1.", "authenticated with bearer [redacted]"),
            ("Basic dXNlcjpwYXNz,", "Basic [redacted],"),
            ("postgres://user:p%40ss@db:5432/x?y", "postgres://user:[redacted]@db:5432/x?y"),
            ("redis://:pass@host", "redis://:[redacted]@host"),
            ("password=hunter2&x=1", "password=[redacted]&x=1"),
            ("?api_key=abc#frag", "?api_key=[redacted]"),
            ("api_key: \"a\\\"b\" c", "api_key: \"[redacted]\" c"),
            ("{\"accessToken\": \"a b\", \"n\": 1}", "{\"accessToken\": \"[redacted]\", \"n\": 1}"),
            ("{\\\"token\\\":\\\"a b\\\",\\\"n\\\":1}", "{\\\"token\\\":\\\"[redacted]\\\",\\\"n\\\":1}"),
            ("User { password: Some(\"a b\"), n: 1 }", "User { password: [redacted], n: 1 }"),
            ("User { secret: Key { a: \"}\", b: [1, 2] }, n: 1 }", "User { secret: [redacted], n: 1 }"),
            ("Authorization: Digest a b c\nHost: d", "Authorization: [redacted]\nHost: d"),
            ("token: Bearer abc def", "token: [redacted] def"),
            ("('set-cookie', 'a=b; c')", "('set-cookie', '[redacted]')"),
            ("Some(ApiKey(\"a b\"))", "Some(ApiKey(\"[redacted]\"))"),
            ("curl --api-key abc --max-tokens 5", "curl --api-key [redacted] --max-tokens 5"),
            ("login --password 'a b' -v", "login --password '[redacted]' -v"),
            ("key_sk-a1b2c3d4e5", "key_[redacted]"),
            ("PASSWORD => 'x y'; z", "PASSWORD => '[redacted]'; z"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn ordinary_texts_are_left_alone() {
        for text in [
            "",
            "task-oriented, risk-free, desk-1234567890",
            "sk-learn",
            "sk-learn-pipelines",
            "the token, the password and the secret",
            "max_tokens: 5, tokens=6",
            "eos_token: </s>, --max-tokens 5, --token -v",
            "token::Kind, password ::x",
            "http://localhost:8080/a:b@c",
            "user@example.com at https://example.com:443",
            "-----BEGIN CERTIFICATE-----",
            "basic research, bearer of news",
            "hf_hub_download(AKIA)",
            "eyJust a word",
            "(\"name\", \"value\")",
            "ünïcödé: ß",
        ] {
            assert!(
                matches!(masked(text, false, &keys::is_secret), Cow::Borrowed(same) if same == text),
                "{}",
                clean(text)
            );
        }
    }

    #[test]
    fn at_a_cut_a_beginning_is_enough() {
        for (text, expected) in [
            ("x sk-ab", "x [redacted]"),
            ("x eyJab", "x [redacted]"),
            ("x ghp_", "x [redacted]"),
            ("Bearer ab", "Bearer [redacted]"),
            ("a://user:pa", "a://user:[redacted]"),
            ("password=\"ab", "password=\"[redacted]"),
            ("a://host:80", "a://host:80"),
        ] {
            assert_eq!(cut_off(text), expected);
        }
    }

    #[test]
    fn masking_twice_changes_nothing() {
        for text in ["password=x", "token: Some(1), b", "Bearer abcdefgh1", "a://b:c@d", "\"secret\":\"x\""] {
            let once = clean(text);
            assert_eq!(clean(&once), once);
        }
    }

    #[test]
    fn no_text_is_cut_inside_of_a_character() {
        let pieces = [
            "ü",
            "\\",
            "\"",
            "token",
            "=",
            "(",
            "{",
            "}",
            " ",
            "a",
            "sk-a1b2c3d4",
            "eyJ.",
            "://",
            ":",
            "@",
            "bearer ",
            "-----BEGIN PRIVATE KEY-----",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    for fourth in pieces {
                        let text = [first, second, third, fourth, "ü"].concat();
                        // It would panic.
                        assert!(clean(&text).chars().count() + cut_off(&text).chars().count() > 0);
                    }
                }
            }
        }
    }

    #[test]
    fn nasty_texts_are_walked_once() {
        // Each of these has a shape that begins at every second byte. Read to its end each time, they would take minutes.
        for piece in [
            "eyJ-",
            "sk-",
            "a-",
            "://",
            "-",
            "-----BEGIN ",
            "a: ",
            "bearer ",
            "\\\"",
            "token:",
            "(",
            "x:",
            "a://b:",
        ] {
            let text = piece.repeat(300_000 / piece.len());
            assert!(clean(&text).len() <= 5 * text.len());
        }
    }
}
