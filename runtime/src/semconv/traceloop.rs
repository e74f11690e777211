//! The dialect `traceloop`: OpenLLMetry's names beside those of OpenTelemetry.
//!
//! A task or tool adds its name to the path that it hands on; its own path is that of the spans around it. So the outermost has none, and
//! an agent or workflow, which adds nothing, has the one that it hands on.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue};

use super::{genai, keys};
use crate::record::{EntityPath, Inherited, Kind, Site};

/// The longest path; names of tasks that would make it longer are left out. Recursion would make paths of any length, and every open
/// span keeps one.
const MAX_PATH_BYTES: usize = 1024;

/// The span's name: the entity's name and its kind.
pub(super) fn name(site: &Site) -> Cow<'static, str> {
    Cow::Owned(format!("{}.{}", site.name, kind(site.kind)))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Workflow => "workflow",
        Kind::Task => "task",
        Kind::Agent => "agent",
        Kind::Tool => "tool",
        Kind::Call => "call",
    }
}

/// The attributes of an annotated function, then what it inherited.
pub(super) fn attributes(site: &'static Site, inherited: Option<&Inherited>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(12);
    // A call is no entity of the program's.
    if site.kind != Kind::Call {
        attributes.push(KeyValue::new(keys::TRACELOOP_SPAN_KIND, kind(site.kind)));
        attributes.push(KeyValue::new(keys::TRACELOOP_ENTITY_NAME, site.name));
    }
    genai::add_operation(site, &mut attributes);
    if let Some(version) = genai::version(site) {
        attributes.push(KeyValue::new(keys::TRACELOOP_ENTITY_VERSION, version));
    }
    if let Some(inherited) = inherited {
        add_inherited(inherited, Some(site.kind), &mut attributes);
    }
    attributes
}

/// Captured arguments and result, for all kinds alike.
pub(super) fn content(input: Option<&str>, output: Option<&str>, attributes: &mut Vec<KeyValue>) {
    let captured = [(keys::TRACELOOP_ENTITY_INPUT, input), (keys::TRACELOOP_ENTITY_OUTPUT, output)];
    attributes
        .extend(captured.into_iter().filter_map(|(key, text)| Some(KeyValue::new(key, text?.to_owned()))));
}

/// What a span takes over from the spans around it: one of ours of this kind, or (`None`) a foreign one.
pub(super) fn add_inherited(inherited: &Inherited, own: Option<Kind>, attributes: &mut Vec<KeyValue>) {
    // A property of the same key was set for this convention: it is meant.
    let unless_set = |key: &'static str, value: &Option<StringValue>| {
        let property = key.strip_prefix(keys::TRACELOOP_ASSOCIATION_PROPERTIES);
        let is_set = inherited.properties.iter().any(|(known, _)| Some(known.as_str()) == property);
        (key, value.clone().filter(|_| !is_set))
    };
    let path = inherited.path.as_ref().and_then(|path| match own {
        Some(Kind::Task | Kind::Tool) => path.text.get(..path.around).map(Arc::from),
        _ => Some(Arc::clone(&path.text)),
    });
    let named = [
        (keys::GEN_AI_CONVERSATION_ID, inherited.conversation_id.clone()),
        (keys::GEN_AI_AGENT_NAME, inherited.agent_name.clone()),
        (keys::TRACELOOP_WORKFLOW_NAME, inherited.workflow_name.clone()),
        (keys::TRACELOOP_ENTITY_PATH, path.filter(|path| !path.is_empty()).map(StringValue::from)),
        unless_set(keys::TRACELOOP_SESSION_ID, &inherited.conversation_id),
        unless_set(keys::TRACELOOP_USER_ID, &inherited.user_id),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?)));
    let properties = inherited.properties.iter().map(|(key, value)| {
        KeyValue::new(format!("{}{key}", keys::TRACELOOP_ASSOCIATION_PROPERTIES), value.clone())
    });
    attributes.extend(named.chain(properties));
}

/// Adds to `inherited` what the span of `site` hands on.
pub(super) fn hand_on(site: &'static Site, inherited: &mut Inherited) {
    match site.kind {
        Kind::Workflow => inherited.workflow_name = Some(site.name.into()),
        Kind::Task | Kind::Tool => inherited.path = Some(extended(inherited.path.as_ref(), site.name)),
        Kind::Agent | Kind::Call => {}
    }
}

fn extended(path: Option<&EntityPath>, name: &str) -> EntityPath {
    let Some(outer) = path.map(|path| &path.text).filter(|outer| !outer.is_empty()) else {
        let name = if name.len() > MAX_PATH_BYTES { "" } else { name };
        return EntityPath { text: name.into(), around: 0 };
    };
    let text = if outer.len() + 1 + name.len() > MAX_PATH_BYTES {
        Arc::clone(outer)
    } else {
        format!("{outer}.{name}").into()
    };
    EntityPath { text, around: outer.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OUTER: Site = Site::new(Kind::Task, "outer").version(0);
    static SEARCH: Site = Site::new(Kind::Tool, "search");
    static AGENT: Site = Site::new(Kind::Agent, "planner");
    static FLOW: Site = Site::new(Kind::Workflow, "flow");

    fn inside(sites: &[&'static Site]) -> Inherited {
        let mut inherited = Inherited::default();
        for site in sites {
            hand_on(site, &mut inherited);
        }
        inherited
    }

    /// The path of a span of the last site, inside the others; and of a foreign span in it.
    fn paths(sites: &[&'static Site]) -> [Option<String>; 2] {
        let inherited = inside(sites);
        [sites.last().map(|site| site.kind), None].map(|own| {
            let mut attributes = Vec::new();
            add_inherited(&inherited, own, &mut attributes);
            let path = attributes.iter().find(|known| known.key.as_str() == keys::TRACELOOP_ENTITY_PATH);
            path.map(|path| path.value.to_string())
        })
    }

    #[test]
    fn tasks_and_tools_extend_the_path_of_what_is_inside() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(paths(&[&FLOW]), [None, None]);
        assert_eq!(paths(&[&FLOW, &AGENT]), [None, None]);
        assert_eq!(paths(&[&FLOW, &OUTER]), [None, some("outer")]);
        assert_eq!(paths(&[&OUTER, &AGENT]), [some("outer"), some("outer")]);
        assert_eq!(paths(&[&OUTER, &AGENT, &SEARCH]), [some("outer"), some("outer.search")]);
        assert_eq!(paths(&[&OUTER, &OUTER]), [some("outer"), some("outer.outer")]);
        assert_eq!(paths(&[&OUTER, &FLOW]), [some("outer"), some("outer")]);
    }

    #[test]
    fn a_path_has_an_end() {
        let deep = [&OUTER; 400];
        let [own, handed_on] = paths(&deep);
        assert_eq!(own, handed_on);
        let length = own.map(|path| path.len());
        assert!(length.is_some_and(|length| length <= MAX_PATH_BYTES), "{length:?}");
        assert!(length.is_some_and(|length| length > MAX_PATH_BYTES - 6), "{length:?}");
    }

    #[test]
    fn a_tool_has_its_names_and_no_kind_of_openinference() {
        assert_eq!(name(&SEARCH), "search.tool");
        let found = attributes(&SEARCH, Some(&inside(&[&FLOW, &SEARCH])));
        let found: Vec<_> = found.iter().map(|known| format!("{}={}", known.key, known.value)).collect();
        assert_eq!(
            found,
            [
                "traceloop.span.kind=tool",
                "traceloop.entity.name=search",
                "gen_ai.operation.name=execute_tool",
                "gen_ai.tool.name=search",
                "gen_ai.tool.type=function",
                "traceloop.workflow.name=flow",
            ]
        );
        let version =
            |site| attributes(site, None).into_iter().find(|known| known.key.as_str().ends_with("version"));
        assert_eq!(version(&OUTER), Some(KeyValue::new("traceloop.entity.version", 0)));
        assert_eq!(version(&SEARCH), None);
    }

    #[test]
    fn content_is_the_entitys_input_and_output() {
        let mut found = Vec::new();
        content(Some("{}"), None, &mut found);
        content(None, Some("7"), &mut found);
        let expected = [("traceloop.entity.input", "{}"), ("traceloop.entity.output", "7")];
        assert_eq!(found, expected.map(|(key, text)| KeyValue::new(key, text)));
    }

    #[test]
    fn who_is_asking_stands_once() {
        let mut inherited = Inherited {
            conversation_id: Some("c-1".into()),
            user_id: Some("u-1".into()),
            ..Inherited::default()
        };
        inherited.set_property("user_id".into(), "mine".into());
        inherited.set_property("tier".into(), 3.into());
        let mut found = Vec::new();
        add_inherited(&inherited, None, &mut found);
        let found: Vec<_> = found.iter().map(|known| format!("{}={}", known.key, known.value)).collect();
        assert_eq!(
            found,
            [
                "gen_ai.conversation.id=c-1",
                "traceloop.association.properties.session_id=c-1",
                "traceloop.association.properties.user_id=mine",
                "traceloop.association.properties.tier=3",
            ]
        );
    }
}
