//! What a call was: the typed facts that leave this room.
//!
//! Values follow the GenAI convention: counts of input tokens have the cached ones in them, counts of output tokens the reasoning.
//! `None` is "the exchange does not say". Texts are bounded; content is here only if it was asked for.

/// Form of a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenAI chat completions, also of Azure and of the many that speak it.
    OpenAiChat,
    /// OpenAI's older completions.
    OpenAiCompletions,
    /// OpenAI embeddings.
    OpenAiEmbeddings,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent` and embeddings, also of Vertex.
    Gemini,
    /// Ollama's own chat, generate and embed.
    Ollama,
    /// Bedrock Converse.
    BedrockConverse,
    /// Bedrock `InvokeModel`: bodies of the model's own.
    BedrockInvoke,
    /// Cohere v1.
    CohereV1,
    /// Cohere v2.
    CohereV2,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiEmbeddings,
        Self::OpenAiResponses,
        Self::Anthropic,
        Self::Gemini,
        Self::Ollama,
        Self::BedrockConverse,
        Self::BedrockInvoke,
        Self::CohereV1,
        Self::CohereV2,
    ];

    /// The format's name in configuration and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiCompletions => "openai_completions",
            Self::OpenAiEmbeddings => "openai_embeddings",
            Self::OpenAiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::BedrockConverse => "bedrock_converse",
            Self::BedrockInvoke => "bedrock_invoke",
            Self::CohereV1 => "cohere_v1",
            Self::CohereV2 => "cohere_v2",
        }
    }
}

/// What was asked of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A conversation.
    Chat,
    /// A prompt to complete.
    TextCompletion,
    /// Vectors.
    Embeddings,
    /// Gemini's name for a conversation.
    GenerateContent,
    /// A stored answer is fetched; no model runs.
    FetchResponse,
}

impl Operation {
    /// The operation's name in the GenAI convention.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::TextCompletion => "text_completion",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::FetchResponse => "fetch_response",
        }
    }
}

/// Whether content (messages, arguments of tools) is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Facts only; nothing else of a body is copied.
    #[default]
    Off,
    /// Content too, of each body at most this many bytes.
    Keep {
        /// The bound, in bytes.
        bytes: usize,
    },
}

impl Content {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Off => 0,
            Self::Keep { bytes } => bytes,
        }
    }
}

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RequestFacts {
    /// The model asked for: of the body, else of the URL.
    pub model: Option<String>,
    /// What is asked for, where the body decides it (Bedrock `InvokeModel`), else what the path says.
    pub operation: Option<Operation>,
    /// A stream is asked for.
    pub stream: bool,
    /// The stream is asked to end with token counts (`stream_options.include_usage`); OpenAI's formats only.
    pub stream_usage: Option<bool>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling among so many tokens.
    pub top_k: Option<i64>,
    /// Bound of the answer, in tokens.
    pub max_tokens: Option<i64>,
    /// Penalty of frequent tokens.
    pub frequency_penalty: Option<f64>,
    /// Penalty of tokens that were there.
    pub presence_penalty: Option<f64>,
    /// The seed of sampling.
    pub seed: Option<i64>,
    /// Texts that end the answer.
    pub stop_sequences: Vec<String>,
    /// So many answers are asked for.
    pub choice_count: Option<i64>,
    /// How much reasoning is asked for, in the provider's word.
    pub reasoning_level: Option<String>,
    /// Form of the answer: `text`, `json`, `image`, `speech`.
    pub output_type: Option<&'static str>,
    /// Forms of the vectors.
    pub encoding_formats: Vec<String>,
    /// Dimensions asked for.
    pub dimensions: Option<i64>,
    /// The tier that shall serve the call; OpenAI's formats.
    pub service_tier: Option<String>,
    /// The stored answer that this one follows.
    pub previous_response_id: Option<String>,
    /// Content, if asked for: the provider's own JSON, or plain text.
    pub content: RequestContent,
    /// The body is no JSON document, or ended before its end: there may be more than these facts say.
    pub partial: bool,
}

/// Content of a request as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestContent {
    /// Instructions that stand apart from the messages.
    pub system: Option<Kept>,
    /// Messages before the input, where they stand apart from it (Cohere v1).
    pub history: Option<Kept>,
    /// Messages, prompt, or texts to embed.
    pub input: Option<Kept>,
    /// Tools the model may ask for.
    pub tools: Option<Kept>,
}

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A text.
    Text(String),
    /// JSON in the provider's own form. Texts longer than 32 KiB inside (images in base64) are cut; past the bound of the content
    /// there are members left out at the end.
    Json(String),
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the input, cached ones too.
    pub input: Option<u64>,
    /// Tokens of the output, reasoning too.
    pub output: Option<u64>,
    /// Of the input, those read from a cache.
    pub cache_read: Option<u64>,
    /// Of the input, those written to a cache.
    pub cache_write: Option<u64>,
    /// Of the output, those of reasoning.
    pub reasoning: Option<u64>,
    /// The body's own total.
    pub total: Option<u64>,
    /// What the call cost, in the provider's currency, where the body says it (some gateways do).
    pub cost: Option<f64>,
}

impl Usage {
    /// Tokens that the body's total has and its parts do not name.
    pub fn unexplained_total(&self) -> Option<u64> {
        let named = self.input?.saturating_add(self.output?);
        self.total?.checked_sub(named).filter(|rest| *rest > 0)
    }
}

/// A tool that the model asked for, or that the provider ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The call's id, where the format has one.
    pub id: Option<String>,
    /// The tool's name.
    pub name: Option<String>,
    /// The choice it belongs to.
    pub choice: u32,
    /// Arguments as JSON; content.
    pub arguments: Option<String>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// Its number.
    pub index: u32,
    /// Why it ended, in the provider's word.
    pub finish_reason: Option<String>,
    /// What the model said, reasoning and refusals left out; content.
    pub text: Option<String>,
    /// Its reasoning; content.
    pub reasoning: Option<String>,
    /// Its refusal; content.
    pub refusal: Option<String>,
}

/// What went wrong, in the provider's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WireError {
    /// Every word that is right, the most specific one first; the status as a number is the last.
    pub names: Vec<String>,
    /// The provider's message; content.
    pub message: Option<String>,
}

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// The model that answered.
    pub model: Option<String>,
    /// The answer's id.
    pub id: Option<String>,
    /// Token counts.
    pub usage: Usage,
    /// Answers, in order; of formats that know no choices, one.
    pub choices: Vec<Choice>,
    /// The caller's tools that the model asked for, in order, over all choices.
    pub tool_calls: Vec<ToolCall>,
    /// Tools that the provider ran itself.
    pub server_tool_calls: Vec<ToolCall>,
    /// What went wrong: an error status, an error inside an answer, an error in mid-stream.
    pub error: Option<WireError>,
    /// Length of the first vector.
    pub embedding_dimensions: Option<u64>,
    /// The prompt was blocked, and why.
    pub block_reason: Option<String>,
    /// Tier that served the call; OpenAI's formats.
    pub service_tier: Option<String>,
    /// Version of the system that served the call; OpenAI's formats.
    pub system_fingerprint: Option<String>,
    /// Whether the stream reached its own end mark. `None`: it was none.
    pub stream_complete: Option<bool>,
    /// The body could not be read to its end (it is no JSON, broke off, or its frames were damaged): there may be more than these
    /// facts say.
    pub partial: bool,
}

impl Facts {
    /// Why the answers ended, one a choice; `None` if none says.
    pub fn finish_reasons(&self) -> Option<Vec<&str>> {
        let reasons: Vec<&str> =
            self.choices.iter().filter_map(|choice| choice.finish_reason.as_deref()).collect();
        (!reasons.is_empty()).then_some(reasons)
    }

    /// The text of the first answer.
    pub fn text(&self) -> Option<&str> {
        self.choices.iter().find(|choice| choice.index == 0)?.text.as_deref()
    }
}
