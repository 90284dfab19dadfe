//! Lists of objects, read element by element, and where much else is in memory page by page: of a thousand Deployments only one is decoded as JSON at a time.

use std::fmt;
use std::marker::PhantomData;

use http::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Idempotency};

use super::{Connection, Draft};
use crate::resource::ResourceType;

/// How many objects a page has: of Deployments some 3 MB.
const PAGE_OBJECTS: &str = "250";
/// How often a list is begun anew whose next page the server has forgotten.
const LISTS: u32 = 3;

/// Which objects of a kind are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) resource: ResourceType,
    /// None takes all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) labels: String,
    pub(crate) fields: String,
    page: Page,
}

/// How much of a list one request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    /// So little that replies stay small while much else is in memory.
    Small,
    /// Everything.
    Whole,
}

impl Query {
    /// All objects of a kind in one namespace.
    pub(crate) fn within(resource: ResourceType, namespace: &str) -> Self {
        Self {
            resource,
            namespace: Some(namespace.to_owned()),
            labels: String::new(),
            fields: String::new(),
            page: Page::Small,
        }
    }

    /// All objects of a kind in the whole cluster.
    pub(crate) fn everywhere(resource: ResourceType) -> Self {
        Self { resource, namespace: None, labels: String::new(), fields: String::new(), page: Page::Small }
    }

    /// The same, but only objects that a label selector selects.
    pub(crate) fn labelled(self, selector: impl Into<String>) -> Self {
        Self { labels: selector.into(), ..self }
    }

    /// The same, but only objects that a field selector selects.
    pub(crate) fn with_fields(self, selector: impl Into<String>) -> Self {
        Self { fields: selector.into(), ..self }
    }

    /// The same, but all of them by one request, however many there are, unless the server insists on pages.
    pub(crate) fn at_once(self) -> Self {
        Self { page: Page::Whole, ..self }
    }

    /// The request that reads them.
    pub(super) fn draft(&self) -> Draft {
        let mut draft = Draft::new(Method::GET, self.resource.collection_path(self.namespace.as_deref()));
        if !self.labels.is_empty() {
            draft = draft.query("labelSelector", &self.labels);
        }
        if !self.fields.is_empty() {
            draft = draft.query("fieldSelector", &self.fields);
        }
        draft
    }
}

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.resource.plural)?;
        match &self.namespace {
            Some(namespace) => write!(formatter, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// The metadata of an object, as far as most callers need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) deletion_timestamp: Option<String>,
}

/// An object of which only the metadata is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Listed {
    pub(crate) metadata: Metadata,
}

/// The metadata of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ListMetadata {
    pub(crate) resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

impl Connection {
    /// Hands every object that the query selects to `each`; answers the version as of which the list is true, from which a watch goes on.
    pub(crate) async fn list_each<T: DeserializeOwned>(
        &self,
        query: &Query,
        each: impl FnMut(T),
    ) -> Result<String> {
        for _ in 0..LISTS {
            let mut all = Vec::new();
            if let Some(version) = self.pages(query, &mut |item| all.push(item)).await? {
                all.into_iter().for_each(each);
                return Ok(version);
            }
        }
        Err(Error::new(
            Meaning::Unavailable,
            "list",
            query.to_string(),
            "the server forgot the list while it was read",
        )
        .with_hint("objects are changing faster than they can be listed: try again later"))
    }

    /// Reads page after page; none when the server has forgotten the list meanwhile.
    async fn pages<T: DeserializeOwned>(
        &self,
        query: &Query,
        each: &mut impl FnMut(T),
    ) -> Result<Option<String>> {
        let call = Call::new("list", query.to_string(), Idempotency::Safe);
        let mut next = String::new();
        loop {
            let mut draft = query.draft();
            if query.page == Page::Small {
                draft = draft.query("limit", PAGE_OBJECTS);
            }
            if !next.is_empty() {
                draft = draft.query("continue", &next);
            }
            let received = match self.exchange(&call, &draft).await {
                Err(error) if error.is_not_found() && !next.is_empty() => return Ok(None),
                received => received?,
            };
            let mut reader = serde_json::Deserializer::from_slice(&received.body);
            let page = Elements { each: &mut *each, element: PhantomData };
            let metadata = page.deserialize(&mut reader).map_err(|error| {
                Error::new(Meaning::Invalid, "list", query.to_string(), "the server's reply is no such list")
                    .with_source(error)
            })?;
            if metadata.next.is_empty() {
                return Ok(Some(metadata.resource_version));
            }
            next = metadata.next;
        }
    }

    /// All objects that the query selects.
    pub(crate) async fn list<T: DeserializeOwned>(&self, query: &Query) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.list_each(query, |item| all.push(item)).await?;
        Ok(all)
    }

    /// The same, but nothing when the server does not know the kind, as when a custom resource was never defined.
    pub(crate) async fn list_if_known<T: DeserializeOwned>(&self, query: &Query) -> Result<Vec<T>> {
        match self.list(query).await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }
}

/// Reads a list document and hands its elements on.
struct Elements<'a, T, F> {
    each: &'a mut F,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Elements<'_, T, F> {
    type Value = ListMetadata;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Elements<'_, T, F> {
    type Value = ListMetadata;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ListMetadata, A::Error> {
        let mut metadata = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => metadata = Some(map.next_value()?),
                "items" => map.next_value_seed(Items { each: &mut *self.each, element: PhantomData })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        metadata.ok_or_else(|| serde::de::Error::missing_field("metadata"))
    }
}

struct Items<'a, T, F> {
    each: &'a mut F,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Items<'_, T, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Items<'_, T, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the objects of a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.each)(item);
        }
        Ok(())
    }

    /// Go writes an empty list of some custom resources as null.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
