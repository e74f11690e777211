//! Functions, their parts and the attribute's arguments may come as fragments of a `macro_rules!`, in their invisible brackets.

macro_rules! functions {
    (
        $item:item, $vis:vis, $name:ident, $argument:ident, $ty:ty, $body:block,
        $literal:literal, $version:literal, $err:literal, $path:path, $key:literal, $value:expr
    ) => {
        #[llmetry::task]
        $item

        #[llmetry::tool(
            name = $literal, version = $version, err = $err, crate = $path,
            skip($argument), fields($key = $value, $argument.value = $argument)
        )]
        $vis fn $name($argument: $ty) -> $ty $body
    };
}

functions! {
    pub fn whole() -> u8 { 1 }, pub(crate), parts, argument, u8, { 2 },
    "a name", 2, false, llmetry, "key", 1 + 1
}

fn main() {
    let (_, _) = (whole(), parts(1));
}
