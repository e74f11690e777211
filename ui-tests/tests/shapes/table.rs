//! The two macros that a file of shapes is made of.

/// `bare` and `traced`: what `items!` writes, without and with its attributes (`#[cfg_attr($on, …)]`).
macro_rules! twice {
    ($items:ident) => {
        mod bare {
            #[allow(unused_imports)]
            use super::*;
            $items!(any());
        }
        mod traced {
            #[allow(unused_imports)]
            use super::*;
            $items!(all());
        }
    };
}

/// A test for each line `name: call => "spans";`, and the list of their names.
macro_rules! shapes {
    ($($name:ident: $call:expr => $spans:expr;)*) => {
        pub(crate) const SHAPES: &[&str] =
            &[$(::core::concat!(::core::module_path!(), "::", ::core::stringify!($name))),*];
        $(
            #[::core::prelude::v1::test]
            fn $name() {
                let bare = || {
                    #[allow(unused_imports)]
                    use bare::*;
                    $call
                };
                let traced = || {
                    #[allow(unused_imports)]
                    use traced::*;
                    $call
                };
                crate::support::check($spans, bare, traced);
            }
        )*
    };
}
