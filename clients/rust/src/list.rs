//! Lists, read page by page.

use crate::{
    Client, Error,
    http::{JSON, Request},
    query::{Pairs, Query},
};
use futures_core::Stream;
use futures_util::stream::try_unfold;
use reqwest::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::VecDeque;

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page<Item> {
    pub data: Vec<Item>,
    pub meta: ListMeta,
}

/// What tells where a page lies. Not every list has all of it, and pages by cursor have no number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListMeta {
    pub page: Option<i64>,
    pub per_page: Option<i64>,
    pub total: Option<i64>,
    pub total_pages: Option<i64>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
    /// With `updated_since`: no change before this time is missing.
    pub safe_since: Option<String>,
}

/// A list that is read as it is used. It goes on by cursor, so that nothing is skipped or repeated while others write;
/// a list that was asked for with `page` goes on by number.
#[derive(Debug)]
pub struct List<Item> {
    client: Client,
    path: &'static str,
    values: Vec<(&'static str, String)>,
    query: Pairs,
    is_numbered: bool,
    /// Read and not given yet.
    items: VecDeque<Item>,
    is_read: bool,
}

impl<Item: DeserializeOwned> List<Item> {
    pub(crate) fn new<Asked: Query>(client: &Client, query: &Asked, values: Vec<(&'static str, String)>) -> List<Item> {
        let query = query.pairs();
        let is_numbered = query.has("page");
        let (client, path) = (client.clone(), Asked::PATH);
        List { client, path, values, query, is_numbered, items: VecDeque::new(), is_read: false }
    }

    /// The next item, or `None` behind the last one.
    pub async fn try_next(&mut self) -> Result<Option<Item>, Error> {
        while self.items.is_empty() {
            let Some(page) = self.next_page().await? else { break };
            self.items = page.data.into();
        }
        Ok(self.items.pop_front())
    }

    /// The next page with what `meta` says of it, or `None` behind the last one.
    pub async fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        if self.is_read {
            return Ok(None);
        }
        let values: Vec<(&str, &str)> = self.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request {
            method: Method::GET,
            path: self.path,
            values: &values,
            query: self.query.clone(),
            body: None,
            accept: JSON,
            last_event_id: None,
        };
        let page: Page<Item> = self.client.http.json(request, &self.client.options).await?;
        let ListMeta { has_more, next_cursor, page: number, .. } = &page.meta;
        match (next_cursor, number) {
            _ if !has_more => self.is_read = true,
            (Some(cursor), _) if !self.is_numbered => {
                self.query.remove("page");
                self.query.set("cursor", cursor.clone());
            }
            (_, Some(number)) => self.query.set("page", (number + 1).to_string()),
            _ => return Err(Error::Invalid("The list has more, but does not say where.".to_owned())),
        }
        Ok(Some(page))
    }

    /// All items that are left; a list of more than `max` is an error, as it may not fit the memory.
    pub async fn all(mut self, max: usize) -> Result<Vec<Item>, Error> {
        let mut found = Vec::from(std::mem::take(&mut self.items));
        while let Some(page) = self.next_page().await? {
            found.extend(page.data);
            if found.len() > max {
                return Err(Error::TooMany(max));
            }
        }
        Ok(found)
    }

    /// The items as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Item, Error>> + Send
    where
        Item: Send + 'static,
    {
        try_unfold(self, |mut list| async move { Ok::<_, Error>(list.try_next().await?.map(|item| (item, list))) })
    }
}
