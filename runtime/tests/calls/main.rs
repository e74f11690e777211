//! Observed calls through real clients, against a real server on loopback: tower services, reqwest as one, and calls described by hand.

mod by_hand;
mod server;
mod tower;
