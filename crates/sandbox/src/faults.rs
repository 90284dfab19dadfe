//! Faults that are injected into calls: which calls they meet and in which way those fail.

use serde::{Deserialize, Serialize};

/// A rule that makes matching calls fail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The service's name as in call counts; any when absent.
    #[serde(default)]
    pub service: Option<String>,
    /// The HTTP method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A pattern for the path with its query, where `*` stands for any text; any path when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// The number of the one call to meet, counted over all services from 1.
    #[serde(default)]
    pub at: Option<u64>,
    /// How many matching calls pass before the first fails.
    #[serde(default)]
    pub after: u32,
    /// How many calls fail; 1 when absent, 0 for all.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens to them.
    pub fault: Fault,
}

/// The ways in which a call can fail. The service never sees the call, but for the last four: those take effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Fault {
    /// An answer with this status.
    Status {
        /// The status code.
        status: u16,
        /// The body; the service's usual kind of text when absent.
        #[serde(default)]
        body: Option<String>,
        /// The value of a `Retry-After` header, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The connection is reset before an answer.
    #[default]
    Reset,
    /// The connection is reset before an answer, and for two seconds the server refuses new ones.
    Refused,
    /// No answer ever comes.
    Hang,
    /// 200 with bytes that are no text.
    Garbage,
    /// 200 with JSON of a shape that no service has.
    OtherShape,
    /// 200 with a web page.
    Html,
    /// 200 without a body.
    Empty,
    /// The call takes effect, then the connection is reset before the answer.
    LostReply,
    /// The call takes effect; no answer ever comes.
    NoReply,
    /// The call takes effect; its answer ends in the middle, as if that were all.
    Truncated,
    /// The call takes effect; the connection is reset in the middle of its answer.
    ResetMidBody,
}

impl Fault {
    /// True when the service handles the call all the same.
    #[must_use]
    pub fn takes_effect(&self) -> bool {
        matches!(self, Self::LostReply | Self::NoReply | Self::Truncated | Self::ResetMidBody)
    }
}

/// The rules in force and how often each was met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    rules: Vec<ActiveRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ActiveRule {
    rule: FaultRule,
    met: u32,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallShape<'a> {
    pub(crate) number: u64,
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    /// With the query.
    pub(crate) path: &'a str,
}

impl FaultPlan {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(ActiveRule { rule, met: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The fault of the first rule that meets this call; rules that are used up go.
    pub(crate) fn meet(&mut self, call: CallShape<'_>) -> Option<Fault> {
        let mut found = None;
        for active in self.rules.iter_mut().filter(|active| active.rule.matches(call)) {
            active.met += 1;
            if active.met > active.rule.after && found.is_none() {
                found = Some(active.rule.fault.clone());
            }
        }
        self.rules.retain(|active| !active.is_used_up());
        found
    }
}

impl ActiveRule {
    fn is_used_up(&self) -> bool {
        let times = if self.rule.at.is_some() { 1 } else { self.rule.times.unwrap_or(1) };
        times > 0 && self.met >= self.rule.after.saturating_add(times)
    }
}

impl FaultRule {
    fn matches(&self, call: CallShape<'_>) -> bool {
        self.at.is_none_or(|at| at == call.number)
            && self.service.as_deref().is_none_or(|service| service == call.service)
            && self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(call.method))
            && self.path.as_deref().is_none_or(|pattern| matches_pattern(pattern, call.path))
    }
}

/// True when `text` matches a pattern where `*` stands for any text.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(number: u64, path: &str) -> CallShape<'_> {
        CallShape { number, service: "gke", method: "POST", path }
    }

    #[test]
    fn a_rule_meets_the_calls_it_describes_as_often_as_it_says() {
        let mut plan = FaultPlan::default();
        plan.add(FaultRule {
            method: Some("post".to_owned()),
            path: Some("/v1/*/clusters".to_owned()),
            after: 1,
            times: Some(2),
            fault: Fault::Hang,
            ..FaultRule::default()
        });
        assert_eq!(plan.meet(call(1, "/v1/x/clusters")), None);
        assert_eq!(plan.meet(call(2, "/v1/x/other")), None);
        assert_eq!(plan.meet(call(3, "/v1/y/clusters")), Some(Fault::Hang));
        assert_eq!(plan.meet(call(4, "/v1/y/clusters")), Some(Fault::Hang));
        assert_eq!(plan.meet(call(5, "/v1/y/clusters")), None);
        assert!(plan.is_empty());
    }

    #[test]
    fn a_rule_can_name_one_call_by_its_number() {
        let mut plan = FaultPlan::default();
        plan.add(FaultRule { at: Some(7), fault: Fault::Reset, ..FaultRule::default() });
        assert_eq!(plan.meet(call(6, "/")), None);
        assert_eq!(plan.meet(call(7, "/")), Some(Fault::Reset));
        assert!(plan.is_empty());
    }

    #[test]
    fn rules_read_from_json() {
        let rule: FaultRule = serde_json::from_str(
            r#"{"service":"storage","times":0,"fault":{"kind":"status","status":429,"retry_after":1}}"#,
        )
        .unwrap();
        assert_eq!(rule.fault, Fault::Status { status: 429, body: None, retry_after: Some(1) });
        assert!(serde_json::from_str::<FaultRule>(r#"{"fault":{"kind":"explode"}}"#).is_err());
    }

    #[test]
    fn patterns_span_any_text() {
        for (pattern, text) in [("*", ""), ("a*c", "abc"), ("*b*", "abc"), ("a", "a"), ("a**c", "ac")] {
            assert!(matches_pattern(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("*x*", "abc"), ("", "a")] {
            assert!(!matches_pattern(pattern, text), "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_made_from_a_text_matches_it(text in "[a-c/]{0,12}", cut in 0_usize..12) {
            let cut = cut.min(text.len());
            let pattern = format!("{}*", &text[..cut]);
            prop_assert!(matches_pattern(&pattern, &text));
        }
    }
}
