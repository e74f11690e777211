//! Which keys name a secret: a table of words, so that `OPENAI_API_KEY`, `x-api-key` and `apiKey` are one, and `max_tokens` is none.

/// Wherever such a word stands in a key, and at the end of a word too (`userpassword`).
const ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "apikey",
    "apikeys",
    "privatekey",
    "accesskey",
    "accesstoken",
    "authtoken",
    "refreshtoken",
];

/// As the last word.
const AT_THE_END: &[&str] = &["authorization", "auth", "bearer", "jwt", "token"];

/// `token` is none behind these, which speak of language models and of pages.
const NOT_BEFORE_TOKEN: &[&str] = &[
    "max",
    "min",
    "stop",
    "eos",
    "bos",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "first",
    "last",
    "next",
    "per",
    "special",
    "page",
    "continuation",
    "prompt",
    "completion",
    "input",
    "output",
    "new",
    "pos",
    "logit",
    "one",
    "each",
    "single",
];

/// What a `key` (or `keys`) has to be for to be a secret.
const BEFORE_KEY: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "signing",
    "encryption",
    "master",
    "account",
    "storage",
    "service",
    "session",
    "ssh",
    "shared",
    "subscription",
    "auth",
    "deploy",
    "hmac",
    "aes",
    "rsa",
];

/// Whose value goes to the end of the line where it stands in a text.
const HEADERS: &[&str] = &["authorization", "cookie"];

/// Longer ones are no names.
const MAX_KEY: usize = 128;

/// Whether the value of `key` is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    if key.len() > MAX_KEY || key.len() < 3 {
        return false;
    }
    let words = words(key);
    let mut before = "";
    for (index, word) in words.iter().enumerate() {
        let word = word.as_str();
        let is_last = index + 1 == words.len();
        let is_hit = ANYWHERE.iter().any(|known| word.ends_with(known))
            || (matches!(word, "key" | "keys") && BEFORE_KEY.contains(&before))
            || (is_last
                && AT_THE_END
                    .iter()
                    .any(|known| word == *known || (*known == "token" && word.ends_with(known)))
                && !(word == "token" && NOT_BEFORE_TOKEN.contains(&before)));
        if is_hit {
            return true;
        }
        before = word;
    }
    false
}

/// Whether `key` is a header whose value has several words.
pub(super) fn is_header(key: &str) -> bool {
    words(key).last().is_some_and(|word| HEADERS.contains(&word.as_str()))
}

/// `key` without what divides its words, in lower case.
pub(super) fn squashed(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of `key`, in lower case: divided by anything that is no letter or digit, and by `camelCase`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = key.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let begins = c.is_uppercase()
            && (before.is_lowercase()
                || (before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase())));
        if (begins || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && c.is_alphanumeric()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_in_every_spelling() {
        for key in [
            "api_key",
            "apiKey",
            "API-KEY",
            "apikey",
            "APIKey",
            "OPENAI_API_KEY",
            "x-api-key",
            "api_keys",
            "authorization",
            "Authorization",
            "proxy-authorization",
            "password",
            "userPassword",
            "DB_PASSWORD",
            "userpassword",
            "password_hash",
            "passwd",
            "secret",
            "clientSecret",
            "aws_secret_access_key",
            "token",
            "access_token",
            "refreshToken",
            "id_token",
            "authtoken",
            "Cookie",
            "set-cookie",
            "credential",
            "credentials",
            "gcp.credentials",
            "private_key",
            "privateKeyPem",
            "ssh-key",
            "basic_auth",
            "jwt",
        ] {
            assert!(is_secret(key), "{key}");
        }
    }

    #[test]
    fn what_only_sounds_like_one() {
        for key in [
            "",
            "k",
            "key",
            "keys",
            "primary_key",
            "keyboard",
            "tokens",
            "max_tokens",
            "maxTokens",
            "max_token",
            "input_tokens",
            "token_count",
            "tokenizer",
            "eos_token",
            "next_page_token",
            "time_to_first_token",
            "author",
            "authorization_url",
            "monkey",
            "passage",
            "secretary",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn a_key_of_the_users_is_known_in_every_spelling() {
        for key in ["patient_id", "patientId", "Patient-ID", "PATIENT ID"] {
            assert_eq!(squashed(key), "patientid");
        }
    }
}
