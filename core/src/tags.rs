//! Tags: the service that lists them, adds them to tickets and removes them. Names that differ in letter case only are
//! one tag; it keeps the spelling of its first use.

use crate::{
    caller::Caller,
    error::Result,
    events::emit,
    listing::{Binding, Key, Paging},
    store::{
        self, Db,
        by_name::{AfterName, NamedPage},
        tags::Tag,
        tickets::{TagRef, Ticket, TicketRef},
    },
    tickets::Action,
    time_and_chance::Stamps,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::TagId,
    reason::{DetailCode, Reason},
    v1::{self, tag_service_server::TagService},
};
use tonic::{Request, Response, Status};
use unicode_normalization::UnicodeNormalization as _;

/// Greatest number of tags of a ticket: every copy of the ticket contains them.
pub(crate) const TAGS_PER_TICKET_MAX: usize = 100;

pub(crate) struct Tags {
    db: Db,
    stamps: Stamps,
}

/// How a request names a tag to add.
#[derive(Clone, Debug)]
enum TagChoice {
    Id(TagId),
    Name { shown: String, folded: String },
}

impl Tags {
    pub(crate) fn new(db: Db, stamps: Stamps) -> Tags {
        Tags { db, stamps }
    }

    async fn list(&self, caller: &Caller, request: v1::ListTagsRequest) -> Result<v1::ListTagsResponse> {
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let mut read = self.db.read(caller.scope()?).await?;
        let binding = Binding::of("tags", read.tenant(), &());
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let total = store::tags::count(&mut read).await?;
        let mut tags = store::tags::list(&mut read, listing.named()?).await?;
        let meta = listing.meta(&mut tags, total, key);
        Ok(v1::ListTagsResponse { tags: tags.iter().map(v1::Tag::from).collect(), meta: Some(meta) })
    }

    async fn list_of_ticket(
        &self,
        caller: &Caller,
        request: v1::ListTicketTagsRequest,
    ) -> Result<v1::ListTicketTagsResponse> {
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let named = TicketRef::parse(&request.ticket_id)?;
        let mut read = self.db.read(caller.scope()?).await?;
        let ticket = store::tickets::read(&mut read, named).await?.ok_or(Reason::TicketNotFound)?;
        let of = v1::ListTicketTagsRequest { ticket_id: ticket.id.to_string(), ..Default::default() };
        let binding = Binding::of("ticket_tags", read.tenant(), &of);
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        // At most a hundred.
        let all = store::tags::list_of_ticket(&mut read, ticket.id).await?;
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let skip = match listing.named()? {
            NamedPage::At { offset, .. } => usize::try_from(offset).unwrap_or(usize::MAX),
            NamedPage::After { after, .. } => place(&all, after),
        };
        let mut tags: Vec<Tag> = all.into_iter().skip(skip).take(listing.per_page() + 1).collect();
        let meta = listing.meta(&mut tags, total, key);
        Ok(v1::ListTicketTagsResponse { tags: tags.iter().map(v1::Tag::from).collect(), meta: Some(meta) })
    }

    async fn add(&self, caller: &Caller, request: v1::AddTicketTagRequest) -> Result<v1::AddTicketTagResponse> {
        let ticket = TicketRef::parse(&request.ticket_id);
        let named = TagChoice::parse(request.tag_id, request.tag_name)?;
        let ticket = ticket?;
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let write = caller.write(&self.db, async move |tx| {
            let answer = |tag, attached| v1::AddTicketTagResponse { tag: Some(v1::Tag::from(tag)), attached };
            let old = store::tickets::lock(tx, ticket).await?.ok_or(Reason::TicketNotFound)?;
            let mut ids = stamp.ids();
            let tag = match &named {
                TagChoice::Id(id) => {
                    store::tags::get(tx, *id).await?.ok_or_else(|| Failure::invalid(Violation::dangling("tag_id")))?
                }
                TagChoice::Name { shown, folded } => {
                    let new = Tag { id: ids.next(TagId::new), name: shown.clone(), color: None, created_at: stamp.at };
                    // A refusal comes before the first write, so that it costs its group nothing. A tag that the ticket
                    // already has takes no room.
                    if !old.tags.iter().any(|it| fold(&it.name) == *folded) {
                        named.check_room(&old)?;
                    }
                    store::tags::get_or_insert(tx, &new, folded).await?
                }
            };
            if old.tags.iter().any(|it| it.id == tag.id) {
                return Ok(answer(&tag, false));
            }
            named.check_room(&old)?;
            let new = old.with_tag(&tag).touched(stamp.at);
            let events = Action { actor: &actor, at: stamp.at }.changed(&old, &new, &mut ids)?;
            store::tags::attach(tx, &new, tag.id, stamp.at).await?;
            store::tickets::update(tx, &old, &new).await?;
            emit(tx, events, new.inbox, stamp.at);
            Ok(answer(&tag, true))
        });
        write.await
    }

    async fn remove(
        &self,
        caller: &Caller,
        request: v1::RemoveTicketTagRequest,
    ) -> Result<v1::RemoveTicketTagResponse> {
        let ticket = TicketRef::parse(&request.ticket_id)?;
        let tag: Option<TagId> = request.tag_id.parse().ok();
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let write = caller.write(&self.db, async move |tx| {
            let old = store::tickets::lock(tx, ticket).await?.ok_or(Reason::TicketNotFound)?;
            let tag = tag.filter(|tag| old.tags.iter().any(|it| it.id == *tag)).ok_or(Reason::TagNotFound)?;
            let new = old.without_tag(tag).touched(stamp.at);
            let events = Action { actor: &actor, at: stamp.at }.changed(&old, &new, &mut stamp.ids())?;
            store::tags::detach(tx, new.id, tag).await?;
            store::tickets::update(tx, &old, &new).await?;
            emit(tx, events, new.inbox, stamp.at);
            Ok(v1::RemoveTicketTagResponse {})
        });
        write.await
    }
}

impl Ticket {
    fn with_tag(&self, tag: &Tag) -> Ticket {
        let mut new = self.clone();
        new.tags.push(TagRef { id: tag.id, name: tag.name.clone() });
        new.tags.sort_by_key(|it| (fold(&it.name), it.id));
        new
    }

    fn without_tag(&self, tag: TagId) -> Ticket {
        let mut new = self.clone();
        new.tags.retain(|it| it.id != tag);
        new
    }
}

impl TagChoice {
    fn check_room(&self, ticket: &Ticket) -> Result<()> {
        if ticket.tags.len() < TAGS_PER_TICKET_MAX {
            return Ok(());
        }
        let field = match self {
            TagChoice::Id(_) => "tag_id",
            TagChoice::Name { .. } => "tag_name",
        };
        let message =
            format!("would be tag number {}; a ticket has at most {TAGS_PER_TICKET_MAX}", TAGS_PER_TICKET_MAX + 1);
        Err(Failure::invalid(Violation::new(field, DetailCode::LimitExceeded, message)).into())
    }

    fn parse(id: Option<String>, name: Option<String>) -> Result<TagChoice> {
        match (id, name) {
            (Some(id), None) => {
                id.parse().map(TagChoice::Id).map_err(|_| Failure::invalid(Violation::dangling("tag_id")).into())
            }
            (None, Some(name)) => {
                let shown: String = name.nfc().collect();
                Ok(TagChoice::Name { folded: fold(&shown), shown })
            }
            (Some(_), Some(_)) => Err(Failure::invalid(Violation::new(
                "tag_name",
                DetailCode::MutuallyExclusive,
                "cannot be given together with `tag_id`",
            ))
            .into()),
            (None, None) => Err(Failure::invalid(Violation::new(
                "tag_id",
                DetailCode::OneOfRequired,
                "or `tag_name` must be given",
            ))
            .into()),
        }
    }
}

fn key(tag: &Tag) -> Key {
    Key::named(&fold(&tag.name), tag.id.0)
}

/// The number of tags before a place in their order.
fn place(tags: &[Tag], after: AfterName<'_>) -> usize {
    let of = |tag: &Tag| (fold(&tag.name), tag.id.0);
    let row = tags.iter().find(|tag| tag.id.0 == after.id).map(of).filter(|(name, _)| name.starts_with(after.start));
    let after = row.filter(|_| after.cut).unwrap_or_else(|| (after.start.to_owned(), after.id));
    tags.partition_point(|tag| of(tag) <= after)
}

/// The common form of a name's spellings.
pub(crate) fn fold(name: &str) -> String {
    name.nfc().collect::<String>().to_lowercase().nfc().collect()
}

impl From<&Tag> for v1::Tag {
    fn from(tag: &Tag) -> v1::Tag {
        v1::Tag {
            id: tag.id.to_string(),
            name: tag.name.clone(),
            color: tag.color.clone(),
            created_at: Some(tag.created_at.into()),
        }
    }
}

#[tonic::async_trait]
impl TagService for Tags {
    async fn list_tags(&self, request: Request<v1::ListTagsRequest>) -> Result<Response<v1::ListTagsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn list_ticket_tags(
        &self,
        request: Request<v1::ListTicketTagsRequest>,
    ) -> Result<Response<v1::ListTicketTagsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list_of_ticket(&caller, request.into_inner()).await?))
    }

    async fn add_ticket_tag(
        &self,
        request: Request<v1::AddTicketTagRequest>,
    ) -> Result<Response<v1::AddTicketTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.add(&caller, request.into_inner()).await?))
    }

    async fn remove_ticket_tag(
        &self,
        request: Request<v1::RemoveTicketTagRequest>,
    ) -> Result<Response<v1::RemoveTicketTagResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.remove(&caller, request.into_inner()).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_together() {
        assert_eq!(fold("Zürich"), fold("ZU\u{308}RICH"));
        assert_eq!(fold("VIP"), "vip");
        assert_ne!(fold("vip"), fold("vips"));
    }
}
