//! What the examples share: the model server that answers when there is no other, and rig's way to an observed client.

mod rig_transport;
pub mod server;

pub use rig_transport::ObservedHttp;

use std::io;

/// Where the model server is: `OPENAI_BASE_URL`, or a small one inside of this program; and a name of a model that it has.
///
/// # Errors
///
/// When no port is to be had for the small one.
pub async fn model_server() -> io::Result<(String, String)> {
    if let Ok(url) = std::env::var("OPENAI_BASE_URL") {
        let model = std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-5-mini".to_owned());
        return Ok((url.trim_end_matches('/').to_owned(), model));
    }
    let server = server::Server::start().await?;
    eprintln!(
        "model server: OPENAI_BASE_URL is not set, so a small one inside this program answers at {}",
        server.base_url
    );
    Ok((server.base_url, server::MODEL.to_owned()))
}

/// The key that goes with the requests; the small server asks for none.
#[must_use]
pub fn api_key() -> String {
    std::env::var("OPENAI_API_KEY").unwrap_or_else(|_| "none".to_owned())
}
