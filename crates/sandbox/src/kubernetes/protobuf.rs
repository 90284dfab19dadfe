//! Bodies in Kubernetes' protobuf form, which kubectl's imperative commands send: read into the JSON form of the same object.
//!
//! The form is the four bytes of [`MAGIC`] and a `runtime.Unknown` around the object, whose messages number their fields as the
//! `generated.proto` files of Kubernetes' API do. The kinds that kubectl creates by itself are known; another one is refused by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The media type.
pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Messages within messages beyond this are refused.
const DEEPEST: u32 = 40;

/// Messages, one a line: its fields by number, name and form. `s` is text, `i` a whole number, `b` a truth value, `y` bytes, `t` a time, `q` a quantity,
/// `p` a number or text, `-` something that only the server sets; a capital begins a message. `*` is a list, `%` a map from texts, and `?` keeps a value that
/// says nothing (0, false), which without it is what an unset field looks like.
const MESSAGES: &str = "
Unknown 1typeMeta:TypeMeta 2raw:y 3contentEncoding:s 4contentType:s
TypeMeta 1apiVersion:s 2kind:s
ObjectMeta 1name:s 2generateName:s 3namespace:s 4selfLink:s 5uid:s 6resourceVersion:s 7generation:i 8creationTimestamp:t 9deletionTimestamp:t 10deletionGracePeriodSeconds:i? 11labels:%s 12annotations:%s 13ownerReferences:*OwnerReference 14finalizers:*s 17managedFields:-
OwnerReference 1kind:s 3name:s 4uid:s 5apiVersion:s 6controller:b? 7blockOwnerDeletion:b?
LabelSelector 1matchLabels:%s 2matchExpressions:*LabelSelectorRequirement
LabelSelectorRequirement 1key:s 2operator:s 3values:*s
LocalObjectReference 1name:s
ObjectReference 1kind:s 2namespace:s 3name:s 4uid:s 5apiVersion:s 6resourceVersion:s 7fieldPath:s
Namespace 1metadata:ObjectMeta 2spec:NamespaceSpec 3status:-
NamespaceSpec 1finalizers:*s
ConfigMap 1metadata:ObjectMeta 2data:%s 3binaryData:%y 4immutable:b?
Secret 1metadata:ObjectMeta 2data:%y 3type:s 4stringData:%s 5immutable:b?
ServiceAccount 1metadata:ObjectMeta 2secrets:*ObjectReference 3imagePullSecrets:*LocalObjectReference 4automountServiceAccountToken:b?
ResourceQuota 1metadata:ObjectMeta 2spec:ResourceQuotaSpec 3status:-
ResourceQuotaSpec 1hard:%q 2scopes:*s
Service 1metadata:ObjectMeta 2spec:ServiceSpec 3status:-
ServiceSpec 1ports:*ServicePort 2selector:%s 3clusterIP:s 4type:s 5externalIPs:*s 7sessionAffinity:s 8loadBalancerIP:s 9loadBalancerSourceRanges:*s 10externalName:s 11externalTrafficPolicy:s 12healthCheckNodePort:i 13publishNotReadyAddresses:b 17ipFamilyPolicy:s 18clusterIPs:*s 19ipFamilies:*s 20allocateLoadBalancerNodePorts:b? 21loadBalancerClass:s 22internalTrafficPolicy:s 23trafficDistribution:s
ServicePort 1name:s 2protocol:s 3port:i 4targetPort:p 5nodePort:i 6appProtocol:s
PodTemplateSpec 1metadata:ObjectMeta 2spec:PodSpec
PodSpec 2containers:*Container 3restartPolicy:s 4terminationGracePeriodSeconds:i? 5activeDeadlineSeconds:i? 6dnsPolicy:s 7nodeSelector:%s 8serviceAccountName:s 9serviceAccount:s 10nodeName:s 11hostNetwork:b 12hostPID:b 13hostIPC:b 14securityContext:PodSecurityContext 15imagePullSecrets:*LocalObjectReference 16hostname:s 17subdomain:s 19schedulerName:s 20initContainers:*Container 21automountServiceAccountToken:b? 24priorityClassName:s 25priority:i?
PodSecurityContext 2runAsUser:i? 3runAsNonRoot:b? 4supplementalGroups:*i 5fsGroup:i? 6runAsGroup:i?
Container 1name:s 2image:s 3command:*s 4args:*s 5workingDir:s 6ports:*ContainerPort 7env:*EnvVar 8resources:ResourceRequirements 13terminationMessagePath:s 14imagePullPolicy:s 16stdin:b 17stdinOnce:b 18tty:b 20terminationMessagePolicy:s
ContainerPort 1name:s 2hostPort:i 3containerPort:i 4protocol:s 5hostIP:s
EnvVar 1name:s 2value:s
ResourceRequirements 1limits:%q 2requests:%q
Deployment 1metadata:ObjectMeta 2spec:DeploymentSpec 3status:-
DeploymentSpec 1replicas:i? 2selector:LabelSelector 3template:PodTemplateSpec 4strategy:DeploymentStrategy 5minReadySeconds:i 6revisionHistoryLimit:i? 7paused:b 9progressDeadlineSeconds:i?
DeploymentStrategy 1type:s 2rollingUpdate:RollingUpdateDeployment
RollingUpdateDeployment 1maxUnavailable:p 2maxSurge:p
Job 1metadata:ObjectMeta 2spec:JobSpec 3status:-
JobSpec 1parallelism:i? 2completions:i? 3activeDeadlineSeconds:i? 4selector:LabelSelector 5manualSelector:b? 6template:PodTemplateSpec 7backoffLimit:i? 8ttlSecondsAfterFinished:i? 9completionMode:s 10suspend:b?
CronJob 1metadata:ObjectMeta 2spec:CronJobSpec 3status:-
CronJobSpec 1schedule:s 2startingDeadlineSeconds:i? 3concurrencyPolicy:s 4suspend:b? 5jobTemplate:JobTemplateSpec 6successfulJobsHistoryLimit:i? 7failedJobsHistoryLimit:i? 8timeZone:s
JobTemplateSpec 1metadata:ObjectMeta 2spec:JobSpec
Role 1metadata:ObjectMeta 2rules:*PolicyRule
ClusterRole 1metadata:ObjectMeta 2rules:*PolicyRule
PolicyRule 1verbs:*s 2apiGroups:*s 3resources:*s 4resourceNames:*s 5nonResourceURLs:*s
RoleBinding 1metadata:ObjectMeta 2subjects:*Subject 3roleRef:RoleRef
ClusterRoleBinding 1metadata:ObjectMeta 2subjects:*Subject 3roleRef:RoleRef
Subject 1kind:s 2apiGroup:s 3name:s 4namespace:s
RoleRef 1apiGroup:s 2kind:s 3name:s
PodDisruptionBudget 1metadata:ObjectMeta 2spec:PodDisruptionBudgetSpec 3status:-
PodDisruptionBudgetSpec 1minAvailable:p 2selector:LabelSelector 3maxUnavailable:p 4unhealthyPodEvictionPolicy:s
PriorityClass 1metadata:ObjectMeta 2value:i 3globalDefault:b 4description:s 5preemptionPolicy:s
Eviction 1metadata:ObjectMeta 2deleteOptions:DeleteOptions
DeleteOptions 1gracePeriodSeconds:i? 2preconditions:Preconditions 3orphanDependents:b? 4propagationPolicy:s 5dryRun:*s
Preconditions 1uid:s 2resourceVersion:s
TokenRequest 1metadata:ObjectMeta 2spec:TokenRequestSpec 3status:-
TokenRequestSpec 1audiences:*s 4expirationSeconds:i?
SelfSubjectAccessReview 1metadata:ObjectMeta 2spec:SelfSubjectAccessReviewSpec 3status:-
SelfSubjectAccessReviewSpec 1resourceAttributes:ResourceAttributes 2nonResourceAttributes:NonResourceAttributes
ResourceAttributes 1namespace:s 2verb:s 3group:s 4version:s 5resource:s 6subresource:s 7name:s
NonResourceAttributes 1path:s 2verb:s
SelfSubjectRulesReview 1metadata:ObjectMeta 2spec:SelfSubjectRulesReviewSpec 3status:-
SelfSubjectRulesReviewSpec 1namespace:s
SelfSubjectReview 1metadata:ObjectMeta 2status:-
";

/// One field of a message.
#[derive(Debug)]
struct Field {
    name: &'static str,
    form: &'static str,
    /// True for lists.
    repeated: bool,
    /// True for maps from texts.
    mapped: bool,
    /// True when a value that says nothing is a value.
    keeps_zero: bool,
}

type Message = HashMap<u32, Field>;

static SCHEMA: LazyLock<HashMap<&'static str, Message>> = LazyLock::new(|| {
    let message = |line: &'static str| {
        let (name, fields) = line.split_once(' ')?;
        Some((name, fields.split(' ').filter_map(field).collect()))
    };
    MESSAGES.lines().filter_map(message).collect()
});

fn field(text: &'static str) -> Option<(u32, Field)> {
    let (place, form) = text.split_once(':')?;
    let digits = place.find(|c: char| !c.is_ascii_digit())?;
    let (number, name) = place.split_at_checked(digits)?;
    let keeps_zero = form.ends_with('?');
    let form = form.trim_end_matches('?');
    let (repeated, mapped) = (form.starts_with('*'), form.starts_with('%'));
    let form = form.trim_start_matches(['*', '%']);
    Some((number.parse().ok()?, Field { name, form, repeated, mapped, keeps_zero }))
}

/// The object of a body, as JSON with `apiVersion` and `kind`.
///
/// # Errors
/// What does not fit the form, and kinds and fields that are not known here, by name.
pub(super) fn parse(body: &[u8]) -> Result<Value, String> {
    let envelope =
        body.strip_prefix(MAGIC).ok_or("provided data does not appear to be a protobuf message")?;
    let envelope = message(envelope, "Unknown", 0)?;
    let text = |pointer: &str| envelope.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let raw = STANDARD.decode(text("/raw")).map_err(|error| error.to_string())?;
    let kind = text("/typeMeta/kind");
    let mut object = message(&raw, kind, 0)?;
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), text("/typeMeta/apiVersion").into());
        fields.insert("kind".to_owned(), kind.into());
    }
    Ok(object)
}

fn message(bytes: &[u8], name: &str, depth: u32) -> Result<Value, String> {
    let fields = SCHEMA.get(name).ok_or_else(|| format!("the protobuf form of {name} is not simulated"))?;
    if depth > DEEPEST {
        return Err("the protobuf message is nested too deeply".to_owned());
    }
    let mut object = Map::new();
    let mut rest = Bytes(bytes);
    while let Some((number, wire)) = rest.next()? {
        let field = fields
            .get(&number)
            .ok_or_else(|| format!("field {number} of the protobuf form of {name} is not simulated"))?;
        add(&mut object, field, &wire, depth)?;
    }
    Ok(Value::Object(object))
}

fn add(object: &mut Map<String, Value>, field: &Field, wire: &Wire<'_>, depth: u32) -> Result<(), String> {
    if field.form == "-" {
        return Ok(());
    }
    if field.mapped {
        let (key, value) = entry(wire, field.form, depth)?;
        let map = object.entry(field.name).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.insert(key, value);
        }
        return Ok(());
    }
    let value = read(wire, field.form, depth)?;
    if field.repeated {
        let list = object.entry(field.name).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(value);
        }
    } else if field.keeps_zero || !says_nothing(&value) {
        object.insert(field.name.to_owned(), value);
    }
    Ok(())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// One entry of a map: a message of a key and a value.
fn entry(wire: &Wire<'_>, form: &str, depth: u32) -> Result<(String, Value), String> {
    let (mut key, mut value) = (String::new(), None);
    let mut rest = Bytes(wire.bytes()?);
    while let Some((number, wire)) = rest.next()? {
        match number {
            1 => key = text(&wire)?,
            _ => value = Some(read(&wire, form, depth)?),
        }
    }
    Ok((key, value.unwrap_or_else(|| "".into())))
}

fn read(wire: &Wire<'_>, form: &str, depth: u32) -> Result<Value, String> {
    Ok(match form {
        "s" => text(wire)?.into(),
        "i" => wire.number()?.into(),
        "b" => (wire.number()? != 0).into(),
        "y" => STANDARD.encode(wire.bytes()?).into(),
        "t" => time(wire.bytes()?)?,
        "q" => single(wire.bytes()?, 1)?.map_or(Ok(Value::Null), |wire| text(&wire).map(Value::from))?,
        "p" => number_or_text(wire.bytes()?)?,
        name => message(wire.bytes()?, name, depth + 1)?,
    })
}

fn text(wire: &Wire<'_>) -> Result<String, String> {
    String::from_utf8(wire.bytes()?.to_vec()).map_err(|_| "a protobuf text is no UTF-8".to_owned())
}

/// The last field of a number in a message.
fn single(bytes: &[u8], wanted: u32) -> Result<Option<Wire<'_>>, String> {
    let (mut rest, mut found) = (Bytes(bytes), None);
    while let Some((number, wire)) = rest.next()? {
        if number == wanted {
            found = Some(wire);
        }
    }
    Ok(found)
}

/// Seconds since 1970; a message without any is no time.
fn time(bytes: &[u8]) -> Result<Value, String> {
    let Some(seconds) = single(bytes, 1)? else { return Ok(Value::Null) };
    match Timestamp::from_second(seconds.number()?) {
        Ok(at) => Ok(super::object::written(at).into()),
        Err(_) => Ok(Value::Null),
    }
}

/// `IntOrString`: which it is, the number, the text.
fn number_or_text(bytes: &[u8]) -> Result<Value, String> {
    let number = |field| single(bytes, field)?.map_or(Ok(0), |wire| wire.number());
    match number(1)? {
        0 => Ok(number(2)?.into()),
        _ => single(bytes, 3)?.map_or(Ok(Value::Null), |wire| text(&wire).map(Value::from)),
    }
}

/// What stands behind a field's number.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn number(&self) -> Result<i64, String> {
        match self {
            // Negative numbers are written as their 64-bit complement.
            Self::Number(number) => Ok(i64::from_ne_bytes(number.to_ne_bytes())),
            Self::Bytes(_) => Err("a protobuf number was expected".to_owned()),
        }
    }

    fn bytes(&self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("protobuf bytes were expected".to_owned()),
        }
    }
}

/// The rest of a message.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// The next field, with its number.
    fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| cut_off())?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| cut_off())?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            _ => return Err("the protobuf message has a field of an unknown form".to_owned()),
        };
        Ok(Some((number, wire)))
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a protobuf number is too long".to_owned())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn cut_off() -> String {
    "the protobuf message is cut off".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        field.extend_from_slice(content);
        field
    }

    fn body(kind: &str, api_version: &str, raw: &[u8]) -> Vec<u8> {
        let about = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &about), bytes(2, raw), bytes(3, b""), bytes(4, b"")].concat()
    }

    #[test]
    fn a_config_map_is_read() {
        let metadata = [bytes(1, b"a"), bytes(2, b""), bytes(8, b""), vec![7 << 3, 0]].concat();
        let entry = [bytes(1, b"k"), bytes(2, b"v")].concat();
        let raw = [bytes(1, &metadata), bytes(2, &entry)].concat();
        assert_eq!(
            parse(&body("ConfigMap", "v1", &raw)),
            Ok(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}})
            )
        );
    }

    #[test]
    fn numbers_that_may_be_zero_stay_and_ports_are_numbers_or_names() {
        let port = [vec![3 << 3, 80], bytes(4, &[1 << 3, 1, 3 << 3 | 2, 1, b'w'])].concat();
        let spec = bytes(1, &port);
        let service = parse(&body("Service", "v1", &bytes(2, &spec))).unwrap();
        assert_eq!(service["spec"]["ports"], json!([{"port": 80, "targetPort": "w"}]));
        let deployment = parse(&body("Deployment", "apps/v1", &bytes(2, &[1 << 3, 0]))).unwrap();
        assert_eq!(deployment["spec"]["replicas"], 0);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        assert!(parse(&body("Gadget", "v1", b"")).unwrap_err().contains("Gadget"));
        assert!(parse(&body("ConfigMap", "v1", &bytes(15, b""))).unwrap_err().contains("field 15"));
        assert!(parse(b"{}").is_err());
    }

    #[test]
    fn every_message_that_a_field_names_is_known() {
        for (message, fields) in SCHEMA.iter() {
            for field in fields.values().filter(|field| field.form.starts_with(|c: char| c.is_uppercase())) {
                assert!(SCHEMA.contains_key(field.form), "{message}.{}: {}", field.name, field.form);
            }
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(raw in proptest::collection::vec(any::<u8>(), 0..60), kind in "ConfigMap|Deployment|Job") {
            let _ = parse(&raw);
            let _ = parse(&body(&kind, "v1", &raw));
        }
    }
}
