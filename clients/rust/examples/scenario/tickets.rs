//! Tickets and lists.

use crate::{Outcome, World, failure};
use inboxops_client::{
    Client,
    api::{
        AddTicketTagRequest, CreateTicketNoteRequest, CreateTicketRequest, ListTicketsQuery, MessageType,
        TicketChanges, TicketPriority, TicketStatus,
    },
};
use std::{collections::HashSet, future::poll_fn, pin::pin, task::Poll};
use tokio::task::JoinSet;

impl World {
    pub(crate) async fn tickets(&mut self) -> Outcome {
        let client = self.client.clone();
        let ticket = self.create("Where is my order?").await?;
        let shown = (&ticket.status, &ticket.priority, ticket.version);
        assert_eq!(shown, (&TicketStatus::Open, &TicketPriority::High, 1));
        self.step("a ticket is opened");

        let keyed = client.idempotency_key("scenario-once");
        let first = keyed.tickets().create(&self.order("Once")).await?;
        assert_eq!(keyed.tickets().create(&self.order("Once")).await?, first);
        self.opened.push(first);
        failure(keyed.tickets().create(&self.order("Other")).await, 422, "idempotency_key_reused");
        self.step("a write with the key of an earlier one happens once");

        assert_eq!(client.tickets().get(&ticket.id).await?, ticket);
        assert_eq!(client.tickets().get(ticket.ticket_number).await?, ticket);
        self.step("a ticket is read by its id and by its number");

        let seen = client.if_version(ticket.version);
        let pending = TicketChanges { status: Some(TicketStatus::Pending), ..Default::default() };
        let changed = seen.tickets().update(&ticket.id, &pending).await?;
        assert_eq!((&changed.status, changed.version), (&TicketStatus::Pending, 2));
        let open = TicketChanges { status: Some(TicketStatus::Open), ..Default::default() };
        failure(seen.tickets().update(&ticket.id, &open).await, 412, "precondition_failed");
        self.step("a ticket is changed if it has the version that was seen");

        let assign = TicketChanges { assignee_id: Some(Some(self.agent.id.clone())), ..Default::default() };
        let changed = client.tickets().update(&ticket.id, &assign).await?;
        assert_eq!(changed.assignee_id.as_deref(), Some(self.agent.id.as_str()));
        let unassign = TicketChanges { assignee_id: Some(None), ..Default::default() };
        self.ticket = client.tickets().update(&ticket.id, &unassign).await?;
        assert_eq!(self.ticket.assignee_id, None);
        self.step("a ticket is assigned, and to nobody again");

        failure(client.tickets().get("00000000-0000-7000-8000-000000000000").await, 404, "ticket_not_found");
        self.step("an unknown ticket is 404");

        let wrong = CreateTicketRequest { priority: Some(TicketPriority::Other("huge".into())), ..self.order(" ") };
        let error = failure(client.tickets().create(&wrong).await, 422, "validation_failed");
        let details = error.details().iter().map(|it| (it.field.as_str(), it.code.as_str()));
        let details: HashSet<(&str, &str)> = details.collect();
        assert_eq!(details, HashSet::from([("priority", "invalid_enum"), ("subject", "blank")]));
        self.step("an invalid write names each of its fields");

        let stranger = Client::builder(&self.base_url, "ixk_wrong").build()?;
        failure(stranger.me().await, 401, "invalid_api_key");
        self.step("a wrong key is 401");

        let note = CreateTicketNoteRequest { body_text: Some("Asked the carrier.".into()), ..Default::default() };
        let note = client.tickets().add_note(&ticket.id, &note).await?;
        assert_eq!((&note.r#type, note.body_text.as_str()), (&MessageType::InternalNote, "Asked the carrier."));
        assert!(client.tickets().messages(&ticket.id, &Default::default()).all(10).await?.is_empty());
        self.step("a note is added, and is not among the messages");

        let named = AddTicketTagRequest { tag_name: Some("vip".into()), ..Default::default() };
        self.tag = client.tickets().add_tag(&ticket.id, &named).await?;
        let known = AddTicketTagRequest { tag_id: Some(self.tag.id.clone()), ..Default::default() };
        assert_eq!(client.tickets().add_tag(&ticket.id, &known).await?, self.tag);
        let tags = client.tickets().tags(&ticket.id, &Default::default()).all(10).await?;
        assert_eq!(tags, std::slice::from_ref(&self.tag));
        assert!(client.tags().list(&Default::default()).all(1000).await?.contains(&self.tag));
        self.step("a tag is made by its name, and added once");

        client.tickets().remove_tag(&ticket.id, &self.tag.id).await?;
        failure(client.tickets().remove_tag(&ticket.id, &self.tag.id).await, 404, "tag_not_found");
        self.step("a tag is removed once");
        Ok(())
    }

    pub(crate) async fn lists(&mut self) -> Outcome {
        let client = self.client.clone();
        let mut writes = JoinSet::new();
        for at in 0..40 {
            let priority = if at % 2 == 0 { TicketPriority::Urgent } else { TicketPriority::Low };
            let order = CreateTicketRequest { priority: Some(priority), ..self.order(&format!("Order {at}")) };
            let client = client.clone();
            writes.spawn(async move { client.tickets().create(&order).await });
        }
        while let Some(made) = writes.join_next().await {
            self.opened.push(made??);
        }
        let numbers: HashSet<i64> = self.opened.iter().map(|it| it.ticket_number).collect();
        assert_eq!(numbers.len(), 42);
        self.step("many tickets are opened at once");

        let query = ListTicketsQuery { page: Some(1), per_page: Some(10), ..Default::default() };
        let mut list = client.tickets().list(&query);
        let (mut ids, mut number, mut total) = (HashSet::new(), 0, 0);
        while let Some(page) = list.next_page().await? {
            number += 1;
            assert_eq!(page.meta.page, Some(number));
            total = page.meta.total.ok_or("a page has the total")?;
            ids.extend(page.data.into_iter().map(|it| it.id));
        }
        assert_eq!(i64::try_from(ids.len())?, total);
        assert!(total >= 42);
        self.step("a list is read by page");

        let query = ListTicketsQuery {
            priority: vec![TicketPriority::Urgent],
            q: Some("order".into()),
            status: vec![TicketStatus::Open, TicketStatus::Pending],
            sort: Some("ticket_number".into()),
            per_page: Some(7),
            ..Default::default()
        };
        let found = client.tickets().list(&query).all(1000).await?;
        let numbers: Vec<i64> = found.iter().map(|it| it.ticket_number).collect();
        assert!(numbers.len() == 20 && numbers.is_sorted(), "{numbers:?}");
        let nothing = ListTicketsQuery { q: Some("no such subject".into()), ..Default::default() };
        assert!(client.tickets().list(&nothing).all(0).await?.is_empty());
        let too_many = ListTicketsQuery { per_page: Some(101), ..Default::default() };
        failure(client.tickets().list(&too_many).next_page().await, 400, "invalid_parameter");
        self.step("a list is filtered and sorted");

        {
            let mut call = pin!(client.me());
            assert!(poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await);
        }
        self.step("a call ends when its future is dropped");

        let cuts = self.line.cuts();
        self.line.cut_after(10);
        let made = self.shaky.tickets().create(&self.order("The line broke")).await?;
        assert_eq!(self.line.cuts(), cuts + 1);
        let query = ListTicketsQuery { q: Some("The line broke".into()), ..Default::default() };
        assert_eq!(client.tickets().list(&query).all(10).await?, std::slice::from_ref(&made));
        self.opened.push(made);
        self.step("a write whose answer is lost happens once");
        Ok(())
    }
}
