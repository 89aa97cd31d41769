//! Events, lists by cursor, the export and mirrors.

use crate::{Outcome, World, failure, until};
use inboxops_client::{
    Client, EventsOptions, ExportLine, ExportOptions, Kind, MemoryStore, MirrorOptions, Resource, Transport,
    api::{AddTicketTagRequest, ListMessagesQuery, ListTicketsQuery, TicketChanges, TicketStatus},
};
use std::{collections::HashSet, time::Duration};
use tokio::{select, time::sleep};

fn created(after: Option<String>) -> EventsOptions {
    EventsOptions { after, types: vec!["ticket.created".into()], ..Default::default() }
}

impl World {
    pub(crate) async fn events(&mut self) -> Outcome {
        let client = self.client.clone();
        let options = EventsOptions { transport: Transport::Poll, ..created(Some(self.start.clone())) };
        let mut events = client.events(options);
        let mut found = Vec::new();
        while found.len() < self.opened.len() {
            found.extend(events.next().await?.event.data.ticket.map(|it| it.ticket_number));
        }
        let mut numbers: Vec<i64> = self.opened.iter().map(|it| it.ticket_number).collect();
        numbers.sort_unstable();
        assert_eq!(found, numbers);
        self.step("events are polled from a place on");

        let cuts = self.line.cuts();
        let mut events = self.shaky.events(created(Some(self.newest().await?)));
        self.create("Live 0").await?;
        let mut seen: Vec<String> = Vec::new();
        while seen.len() < 6 {
            let ticket = events.next().await?.event.data.ticket.ok_or("the event has its ticket")?;
            if !seen.contains(&ticket.subject) {
                seen.push(ticket.subject);
                self.line.cut();
                self.create(&format!("Live {}", seen.len())).await?;
            }
        }
        assert_eq!(seen, ["Live 0", "Live 1", "Live 2", "Live 3", "Live 4", "Live 5"]);
        assert!(self.line.cuts() >= cuts + 5);
        self.step("a stream of events goes on after its connection broke");

        let mut events = client.events(created(None));
        let ticket = loop {
            // What is opened before it follows is not for it.
            select! {
                received = events.next() => break received?.event.data.ticket,
                () = sleep(Duration::from_secs(1)) => {}
            }
            self.create("From now on").await?;
        };
        assert_eq!(ticket.map(|it| it.subject).as_deref(), Some("From now on"));
        self.step("events begin with what happens from now on");

        let query = ListTicketsQuery { per_page: Some(10), sort: Some("created_at".into()), ..Default::default() };
        let mut list = client.tickets().list(&query);
        let (mut ids, mut metas) = (Vec::new(), Vec::new());
        while let Some(page) = list.next_page().await? {
            ids.extend(page.data.into_iter().map(|it| it.id));
            metas.push(page.meta);
        }
        assert_eq!((metas[0].page, metas[1].page), (Some(1), None));
        assert_eq!(Some(i64::try_from(ids.len())?), metas[0].total);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let other = ListTicketsQuery {
            cursor: metas[0].next_cursor.clone(),
            status: vec![TicketStatus::Closed],
            ..Default::default()
        };
        failure(client.tickets().list(&other).next_page().await, 400, "invalid_cursor");
        self.step("a list is read by cursor");

        let ids: Vec<String> = self.opened.iter().take(3).map(|it| it.id.clone()).collect();
        let query = ListTicketsQuery { ids: ids.clone(), include: vec!["messages".into()], ..Default::default() };
        let found = client.tickets().list(&query).all(10).await?;
        let (asked, given): (HashSet<&String>, HashSet<&String>) =
            (ids.iter().collect(), found.iter().map(|it| &it.id).collect());
        assert_eq!(given, asked);
        for ticket in found {
            assert_eq!((ticket.messages, ticket.messages_truncated), (Some(Vec::new()), Some(false)));
        }
        self.step("tickets are read by ids, with their messages");

        let query = ListTicketsQuery {
            updated_since: Some(self.opened[0].created_at.clone()),
            updated_until: Some("2999-01-01T00:00:00Z".into()),
            ..Default::default()
        };
        let page = client.tickets().list(&query).next_page().await?.ok_or("there is a page")?;
        assert!(!page.data.is_empty() && page.meta.safe_since.is_some());
        self.step("what changed since a time is read until a time");

        let query = ListMessagesQuery { per_page: Some(100), ..Default::default() };
        let messages = client.messages().list(&query).all(1000).await?;
        assert!(messages.iter().map(|it| &it.created_at).is_sorted());
        self.step("messages of all tickets are listed, oldest first");

        let types = Some(vec![Kind::Tickets, Kind::Tags, Kind::Inboxes, Kind::Agents]);
        let mut export = client.export(ExportOptions { types, after: None });
        let (mut tickets, mut lines, mut end) = (HashSet::new(), 0, None);
        while let Some(line) = export.try_next().await? {
            match line {
                ExportLine::Resource { resource, .. } => {
                    lines += 1;
                    if resource.kind() == Kind::Tickets {
                        tickets.insert(resource.id().to_owned());
                    }
                }
                ExportLine::End { count, .. } => end = Some(count),
            }
        }
        assert_eq!(end, Some(lines));
        let first = client.tickets().list(&Default::default()).next_page().await?.ok_or("there is a page")?;
        assert_eq!(Some(i64::try_from(tickets.len())?), first.meta.total);
        self.step("the export has every ticket, and ends");
        Ok(())
    }

    pub(crate) async fn mirrors(&mut self) -> Outcome {
        let (client, store) = (self.client.clone(), MemoryStore::new());
        let cuts = self.line.cuts();
        self.line.cut_after(1500);
        let (shaky, mut filled) = (self.shaky.clone(), store.clone());
        let mirror = tokio::spawn(async move { shaky.mirror(&mut filled, MirrorOptions::default()).await });
        let is_whole = || store.state().is_some_and(|state| state.events_cursor.is_some());
        until("the export is whole", || async { Ok(is_whole().then_some(())) }).await?;
        assert!(self.line.cuts() > cuts, "the export was cut");
        for at in 0..4 {
            let made = self.create(&format!("Mirrored {at}")).await?;
            let tag = AddTicketTagRequest { tag_name: Some(format!("mirror {at}")), ..Default::default() };
            client.tickets().add_tag(&made.id, &tag).await?;
            self.line.cut();
            let solved = TicketChanges { status: Some(TicketStatus::Solved), ..Default::default() };
            client.tickets().update(&made.id, &solved).await?;
            let is_mirrored = || {
                let kept = store.one(Kind::Tickets, &made.id);
                matches!(kept, Some(Resource::Ticket(kept)) if kept.status == TicketStatus::Solved)
            };
            until("it is mirrored", || async { Ok(is_mirrored().then_some(())) }).await?;
        }
        mirror.abort();
        assert!(mirror.await.is_err_and(|error| error.is_cancelled()), "it goes on until it is ended");
        is_same(&client, &store).await?;
        self.step("a mirror is the same as the workspace, though its connection breaks");

        let before = store.state().ok_or("the store has a state")?;
        let changes = TicketChanges {
            subject: Some("Changed while nobody looked".into()),
            status: Some(TicketStatus::Closed),
            ..Default::default()
        };
        client.tickets().update(&self.ticket.id, &changes).await?;
        client.mirror(&mut store.clone(), MirrorOptions { once: true, ..Default::default() }).await?;
        let after = store.state().ok_or("the store has a state")?;
        assert_eq!(after.round, before.round);
        assert_ne!(after.events_cursor, before.events_cursor);
        is_same(&client, &store).await?;
        self.step("a mirror goes on from where it was");
        Ok(())
    }
}

/// The store holds what the lists show.
async fn is_same(client: &Client, store: &MemoryStore) -> Outcome {
    const MANY: usize = 10_000;
    let mut shown: Vec<Resource> = Vec::new();
    shown.extend(client.tickets().list(&Default::default()).all(MANY).await?.into_iter().map(Resource::Ticket));
    shown.extend(client.messages().list(&Default::default()).all(MANY).await?.into_iter().map(Resource::Message));
    shown.extend(client.tags().list(&Default::default()).all(MANY).await?.into_iter().map(Resource::Tag));
    shown.extend(client.inboxes().list(&Default::default()).all(MANY).await?.into_iter().map(Resource::Inbox));
    shown.extend(client.agents().list(&Default::default()).all(MANY).await?.into_iter().map(Resource::Agent));
    shown.sort_by(|left, right| (left.kind(), left.id()).cmp(&(right.kind(), right.id())));
    let kept: Vec<Resource> = Kind::ALL.into_iter().flat_map(|kind| store.all(kind)).collect();
    assert_eq!(kept, shown);
    Ok(())
}
