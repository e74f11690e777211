//! What kind of call a request is, by its method, host and path.
//!
//! The path says format and operation, the host says the provider: many servers (vLLM, `SGLang`, `LiteLLM`, Ollama, llama.cpp, LM Studio)
//! speak several formats, and gateways put prefixes before the path. So a path is looked at from its end. What is unknown has no
//! format, and so have the neighbours on the same hosts: counting tokens, reranking, fetching a stored answer.

use super::facts::{Format, Operation};

/// What is known of a call before its body. Any field may be set to something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Form of the bodies; `None`: they are not read.
    pub format: Option<Format>,
    /// What is asked for; Bedrock `InvokeModel` says it in the body only.
    pub operation: Option<Operation>,
    /// The provider's name in the GenAI convention, or one in common use.
    pub provider: Option<&'static str>,
    /// A name of ours for a provider that the convention does not name.
    pub provider_hint: Option<&'static str>,
    /// The model, of formats that have it in the path.
    pub model: Option<String>,
    /// The path asks for a stream.
    pub stream: bool,
}

/// The route of a call; `path` may have its query, `host` its port.
pub fn route(method: &str, host: &str, path: &str) -> Route {
    let host = Host::new(host);
    let (provider, provider_hint) = host.provider();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut route = Route { provider, provider_hint, ..Route::default() };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    by_path(method, &host, &segments, &mut route);
    route
}

fn by_path(method: &str, host: &Host, segments: &[&str], route: &mut Route) {
    let is_post = method.eq_ignore_ascii_case("post");
    if method.eq_ignore_ascii_case("get") {
        if let [.., "responses", id] = segments
            && id.starts_with("resp")
        {
            route.operation = Some(Operation::FetchResponse);
        }
        return;
    }
    if !is_post {
        return;
    }
    let (format, operation) = match segments {
        // Azure: the deployment stands in the path. What is asked for is told by the end, as for everybody.
        [.., "chat" | "agents", "completions"] => (Format::OpenAiChat, Operation::Chat),
        [.., "completions"] => (Format::OpenAiCompletions, Operation::TextCompletion),
        [.., "embeddings"] if segments.ends_with(&["api", "embeddings"]) && !host.is_hosted() => {
            (Format::Ollama, Operation::Embeddings)
        }
        [.., "embeddings"] => (Format::OpenAiEmbeddings, Operation::Embeddings),
        [.., "responses"] => (Format::OpenAiResponses, Operation::Chat),
        [.., "v1", "messages"] => (Format::Anthropic, Operation::Chat),
        [.., "api", "chat"] => (Format::Ollama, Operation::Chat),
        [.., "api", "generate"] => (Format::Ollama, Operation::TextCompletion),
        [.., "api", "embed"] => (Format::Ollama, Operation::Embeddings),
        [.., "v2", "chat"] => (Format::CohereV2, Operation::Chat),
        [.., "v2", "embed"] => (Format::CohereV2, Operation::Embeddings),
        [.., "v1", "chat"] if host.is("api.writer.com") => (Format::OpenAiChat, Operation::Chat),
        [.., "v1", "chat"] if host.is_cohere(segments) => (Format::CohereV1, Operation::Chat),
        [.., "v1", "generate"] if host.is_cohere(segments) => (Format::CohereV1, Operation::TextCompletion),
        [.., "v1", "embed"] if host.is_cohere(segments) => (Format::CohereV1, Operation::Embeddings),
        [.., "model", model, call] => return bedrock(model, call, route),
        [.., call] => return google(segments, call, route),
        [] => return,
    };
    (route.format, route.operation) = (Some(format), Some(operation));
    if let [.., "deployments", deployment, _] | [.., "deployments", deployment, "chat", "completions"] =
        segments
    {
        route.model = Some(percent_decoded(deployment));
    }
}

fn bedrock(model: &str, call: &str, route: &mut Route) {
    let (format, operation, stream) = match call {
        "converse" => (Format::BedrockConverse, Some(Operation::Chat), false),
        "converse-stream" => (Format::BedrockConverse, Some(Operation::Chat), true),
        "invoke" => (Format::BedrockInvoke, None, false),
        "invoke-with-response-stream" => (Format::BedrockInvoke, None, true),
        _ => return,
    };
    (route.format, route.operation, route.stream) = (Some(format), operation, stream);
    route.model = Some(percent_decoded(model));
}

/// `…/models/{model}:{call}`; models of others on Vertex speak their own formats.
fn google(segments: &[&str], last: &str, route: &mut Route) {
    let Some((model, call)) = last.rsplit_once(':') else { return };
    let publisher = match segments {
        [.., "publishers", publisher, "models", _] => *publisher,
        [.., "models" | "tunedModels" | "endpoints", _] => "google",
        _ => return,
    };
    let (format, operation, stream) = match (call, publisher) {
        ("generateContent", _) => (Format::Gemini, Operation::GenerateContent, false),
        ("streamGenerateContent", _) => (Format::Gemini, Operation::GenerateContent, true),
        ("embedContent" | "batchEmbedContents", _) => (Format::Gemini, Operation::Embeddings, false),
        ("rawPredict", "anthropic") => (Format::Anthropic, Operation::Chat, false),
        ("streamRawPredict", "anthropic") => (Format::Anthropic, Operation::Chat, true),
        ("rawPredict", "mistralai") => (Format::OpenAiChat, Operation::Chat, false),
        ("streamRawPredict", "mistralai") => (Format::OpenAiChat, Operation::Chat, true),
        _ => return,
    };
    (route.format, route.operation, route.stream) = (Some(format), Some(operation), stream);
    route.model = Some(percent_decoded(model));
}

struct Host {
    name: String,
    port: Option<String>,
}

impl Host {
    fn new(host: &str) -> Self {
        let host = host.trim().to_ascii_lowercase();
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let (name, port) = match host.rsplit_once(':') {
            // Without brackets an IPv6 address has no port.
            Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => {
                (name, Some(port.to_owned()))
            }
            _ => (host.as_str(), None),
        };
        Self { name: name.trim_end_matches('.').to_owned(), port }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// The domain itself, or something in it.
    fn is_in(&self, domain: &str) -> bool {
        self.name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// A provider that we know, and that is not Ollama.
    fn is_hosted(&self) -> bool {
        let (provider, hint) = self.provider();
        provider.is_some_and(|provider| provider != "ollama") || hint.is_some()
    }

    /// Cohere's v1 paths are common words: they count on Cohere's hosts, and behind a prefix that names it.
    fn is_cohere(&self, segments: &[&str]) -> bool {
        self.is_in("cohere.com") || self.is_in("cohere.ai") || segments.contains(&"cohere")
    }

    /// The provider's name, or our hint.
    fn provider(&self) -> (Option<&'static str>, Option<&'static str>) {
        if self.port.as_deref() == Some("11434") {
            return (Some("ollama"), None);
        }
        let named = PROVIDERS.iter().find(|(domain, _)| self.is_in(domain)).map(|(_, name)| *name);
        let named = named
            .or_else(|| self.aws().then_some("aws.bedrock"))
            .or_else(|| self.vertex().then_some("gcp.vertex_ai"));
        let hint = HINTS.iter().find(|(domain, _)| self.is_in(domain)).map(|(_, name)| *name);
        (named, if named.is_some() { None } else { hint })
    }

    /// `bedrock-runtime.{region}.amazonaws.com`, its FIPS, VPC and mantle relatives.
    fn aws(&self) -> bool {
        let is_aws = ["amazonaws.com", "amazonaws.com.cn", "api.aws"].iter().any(|domain| self.is_in(domain));
        is_aws && self.name.split('.').any(|label| label.starts_with("bedrock"))
    }

    /// `aiplatform.googleapis.com`, `{region}-aiplatform.googleapis.com`, `aiplatform.{region}.rep.googleapis.com`
    fn vertex(&self) -> bool {
        let label = self.name.split('.').next().unwrap_or_default();
        self.is_in("googleapis.com") && (label == "aiplatform" || label.ends_with("-aiplatform"))
    }
}

/// Providers by domain: names of the convention, and three in common use that it lacks.
const PROVIDERS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("openai.azure.us", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("inference.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("mistral.ai", "mistral_ai"),
    ("groq.com", "groq"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "x_ai"),
    ("perplexity.ai", "perplexity"),
    ("moonshot.ai", "moonshot_ai"),
    ("moonshot.cn", "moonshot_ai"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("openrouter.ai", "openrouter"),
    ("together.xyz", "together_ai"),
    ("together.ai", "together_ai"),
    ("ollama.com", "ollama"),
];

/// Providers that the convention has no name for.
const HINTS: &[(&str, &str)] = &[
    ("huggingface.co", "huggingface"),
    ("huggingface.cloud", "huggingface"),
    ("cerebras.ai", "cerebras"),
    ("writer.com", "writer"),
    ("snowflakecomputing.com", "snowflake"),
    ("z.ai", "z_ai"),
    ("bigmodel.cn", "z_ai"),
    ("voyageai.com", "voyageai"),
    ("replicate.com", "replicate"),
    ("replicate.net", "replicate"),
    ("crusoecloud.com", "crusoe"),
    ("heroku.com", "heroku"),
    ("fireworks.ai", "fireworks"),
    ("ai21.com", "ai21"),
    ("aleph-alpha.com", "aleph_alpha"),
    ("sambanova.ai", "sambanova"),
    ("nvidia.com", "nvidia"),
    ("githubcopilot.com", "github"),
    ("models.github.ai", "github"),
    ("deepinfra.com", "deepinfra"),
    ("novita.ai", "novita"),
    ("nebius.com", "nebius"),
    ("dashscope.aliyuncs.com", "alibaba"),
    ("dashscope-intl.aliyuncs.com", "alibaba"),
    ("ai-gateway.vercel.sh", "vercel"),
];

/// `text` with `%41` as `A`; what is no such escape stays.
fn percent_decoded(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (*byte, digit(0), digit(1)) {
            decoded.push(u8::try_from(high << 4 | low).unwrap_or(b'%'));
            rest = after.get(2..).unwrap_or_default();
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(host: &str, path: &str) -> (Option<&'static str>, Option<&'static str>) {
        let route = route("POST", host, path);
        (route.format.map(Format::name), route.operation.map(Operation::name))
    }

    #[test]
    fn paths_are_known_by_their_end() {
        for (path, format, operation) in [
            ("/v1/chat/completions", "openai_chat", "chat"),
            ("/gateway/team-a/openai/v1/chat/completions?x=1", "openai_chat", "chat"),
            ("/v1/completions", "openai_completions", "text_completion"),
            ("/v1/embeddings", "openai_embeddings", "embeddings"),
            ("/v1/responses/", "openai_responses", "chat"),
            ("/anthropic/v1/messages?beta=true", "anthropic", "chat"),
            ("/v1beta/models/gemini-x:generateContent", "gemini", "generate_content"),
            ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", "gemini", "generate_content"),
            ("/v1beta/models/gemini-x:batchEmbedContents", "gemini", "embeddings"),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/c@1:streamRawPredict",
                "anthropic",
                "chat",
            ),
            ("/api/chat", "ollama", "chat"),
            ("/api/generate", "ollama", "text_completion"),
            ("/api/embed", "ollama", "embeddings"),
            ("/api/embeddings", "ollama", "embeddings"),
            ("/model/a.b-v1%3A0/converse-stream", "bedrock_converse", "chat"),
            ("/cohere/v2/chat", "cohere_v2", "chat"),
            ("/cohere/v1/chat", "cohere_v1", "chat"),
        ] {
            assert_eq!(kind("gateway.internal:8080", path), (Some(format), Some(operation)), "{path}");
        }
    }

    #[test]
    fn neighbours_and_strangers_have_no_format() {
        for path in [
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/responses/input_tokens",
            "/v1/responses/compact",
            "/v1/responses/resp_1/cancel",
            "/v1beta/models/gemini-x:countTokens",
            "/model/a.b/count-tokens",
            "/v2/rerank",
            "/v1/chat",
            "/v1/models",
            "/",
            "",
        ] {
            assert_eq!(kind("gateway.internal", path).0, None, "{path}");
        }
        assert_eq!(route("GET", "api.openai.com", "/v1/chat/completions").format, None);
        let fetch = route("GET", "api.openai.com", "/v1/responses/resp_1?stream=true");
        assert_eq!((fetch.format, fetch.operation), (None, Some(Operation::FetchResponse)));
    }

    #[test]
    fn hosts_tell_the_provider() {
        for (host, provider) in [
            ("api.openai.com", "openai"),
            ("API.OpenAI.com:443", "openai"),
            ("my.openai.azure.com", "azure.ai.openai"),
            ("bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
            ("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "aws.bedrock"),
            ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
            ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
            ("aiplatform.us.rep.googleapis.com", "gcp.vertex_ai"),
            ("127.0.0.1:11434", "ollama"),
            ("[::1]:11434", "ollama"),
        ] {
            assert_eq!(route("POST", host, "/").provider, Some(provider), "{host}");
        }
        for host in
            ["localhost:8000", "[::1]", "::1", "s3.amazonaws.com", "notx.ai", "openai.com.evil.org", ""]
        {
            assert_eq!(route("POST", host, "/").provider, None, "{host}");
        }
        assert_eq!(route("POST", "router.huggingface.co", "/").provider_hint, Some("huggingface"));
    }

    #[test]
    fn hosts_tell_formats_apart_that_share_a_path() {
        assert_eq!(kind("api.writer.com:443", "/v1/chat").0, Some("openai_chat"));
        assert_eq!(kind("api.cohere.com", "/v1/chat").0, Some("cohere_v1"));
        assert_eq!(kind("api.openai.com", "/api/embeddings").0, Some("openai_embeddings"));
    }

    #[test]
    fn models_in_paths_are_decoded() {
        let arn = route("POST", "h", "/model/arn%3Aaws%3Abedrock%3A%3A1%3Aprofile%2Fx/invoke");
        assert_eq!(arn.model.as_deref(), Some("arn:aws:bedrock::1:profile/x"));
        assert_eq!(route("POST", "h", "/model/a%zz%4/invoke").model.as_deref(), Some("a%zz%4"));
        let azure = route("POST", "h", "/openai/deployments/my-gpt/chat/completions?api-version=1");
        assert_eq!(azure.model.as_deref(), Some("my-gpt"));
        let azure = route("POST", "h", "/openai/deployments/embedder/embeddings");
        assert_eq!(azure.model.as_deref(), Some("embedder"));
    }
}
