use std::str::FromStr;

use super::*;

/// The arguments, and how many mistakes are in them.
fn read(text: &str) -> (Args, usize) {
    let mut errors = Errors::new();
    let args = Args::parse(TokenStream::from_str(text).expect("tokens"), &mut errors);
    let mistakes = errors.check().map_or_else(|all| all.into_iter().count(), |()| 0);
    (args, mistakes)
}

fn captured(text: &str, bindings: &[&str]) -> String {
    let bindings: Vec<Ident> = bindings.iter().map(|name| syn::parse_str(name).expect("a name")).collect();
    let (args, mistakes) = read(text);
    assert_eq!(mistakes, 0, "{text}");
    let names: Vec<String> = args.captured_inputs(&bindings).iter().map(ToString::to_string).collect();
    names.join(" ")
}

#[test]
fn captured_inputs_are_what_is_named_and_not_skipped() {
    let bindings = ["a", "b", "r#type"];
    assert_eq!(captured("", &bindings), "");
    assert_eq!(captured("capture(output)", &bindings), "");
    assert_eq!(captured("capture(output), skip_all", &bindings), "");
    assert_eq!(captured("capture(input)", &bindings), "a b r#type");
    assert_eq!(captured("capture(output, input), skip(a)", &bindings), "b r#type");
    assert_eq!(captured("capture(input), skip(type, b)", &bindings), "a");
    assert_eq!(captured("capture(type, a)", &bindings), "a r#type");
    assert_eq!(captured("capture(b, output), skip(a)", &bindings), "b");
}

#[test]
fn self_is_never_captured() {
    let mut errors = Errors::new();
    let args = Args::parse(TokenStream::from_str("capture(input)").expect("tokens"), &mut errors);
    errors.check().expect("no mistake");
    let method: syn::Receiver = syn::parse_str("&self").expect("a receiver");
    assert!(args.captured_inputs(&[Ident::from(method.self_token)]).is_empty());
}

#[test]
fn each_mistake_counts_once() {
    for (mistakes, text) in [
        (0, "name = \"a\", version = 3u8, err = true, crate = a::b, capture(input, output), fields(a = 1,),"),
        (0, "parent = of::<A, B>(|a, b| a), version = 1"),
        (0, "parent = if a { b } else { c }"),
        (1, "name = \"a\" version = 1"),
        (1, "name = \"a\" \"b\", version = 1"),
        (1, "name = \"a\".to_owned(), version = 1"),
        (1, "version = 1 as u64"),
        (1, "version = -1"),
        (1, "parent = context version = 1"),
        (1, "crate = a::b version = 1"),
        (1, "skip(a) version = 1"),
        (2, "name = \"a\" vers = 1"),
        (3, "skip(1, a b, , c)"),
        (4, "fields(a = , b, c = 1 d = (2 +), e = 3)"),
        (2, "parent = context., parent2"),
        (1, "parent = "),
        (3, "skip_all, skip(a), capture(input), skip_all"),
        (2, "capture(a, b, b), skip(a)"),
        (2, "capture(self, input, a)"),
        (3, "capture, skip = a, parent"),
    ] {
        assert_eq!(read(text).1, mistakes, "{text}");
    }
}
