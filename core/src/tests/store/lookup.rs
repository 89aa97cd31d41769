//! Tickets that many callers request at once: each caller gets its own ticket or nothing, even if others go away.

use crate::store::{
    self, TenantScope,
    tickets::{Lookup, Ticket, TicketRef},
};
use crate::tests::support::{NOON, StoredTenant, TestStore, chance, on_both};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use inboxops_proto::id::TicketId;
use std::task::{Context, Poll, Waker};

/// This many tickets of a tenant.
async fn tickets(fresh: &TestStore, tenant: &StoredTenant, count: u32) -> Vec<Ticket> {
    let tickets: Vec<_> = (1..=count).map(|number| Ticket { number, ..tenant.ticket(NOON) }).collect();
    let written = tickets.clone();
    let insert = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        for ticket in &written {
            store::tickets::next_number(tx).await?;
            store::tickets::insert(tx, ticket);
        }
        Ok(())
    });
    insert.await.unwrap();
    tickets
}

/// A look-up and its expected result.
type LookupCase = (TenantScope, TicketRef, Option<Ticket>);

/// Tickets of two tenants by id and by number, tickets of the other tenant, and missing ones.
async fn asked(fresh: &TestStore) -> Vec<LookupCase> {
    let (tenant, other) = (fresh.tenant().await, fresh.tenant().await);
    let (mine, theirs) = (tickets(fresh, &tenant, 40).await, tickets(fresh, &other, 3).await);
    let mut asked = Vec::new();
    for ticket in &mine {
        let found = Some(ticket.clone());
        asked.push((tenant.scope.clone(), TicketRef::Id(ticket.id), found.clone()));
        asked.push((other.scope.clone(), TicketRef::Id(ticket.id), None));
        asked.push((tenant.scope.clone(), TicketRef::Number(ticket.number), found));
        asked.push((tenant.scope.clone(), TicketRef::Id(TicketId::new(NOON, chance())), None));
    }
    for ticket in theirs {
        asked.push((other.scope.clone(), TicketRef::Id(ticket.id), Some(ticket)));
    }
    asked
}

async fn whoever_asks_at_once_gets_what_is_asked_for(fresh: TestStore) {
    let (asked, lookup) = (asked(&fresh).await, Lookup::new(fresh.db.clone()));
    let lookup = &lookup;
    let mut finding: FuturesUnordered<_> = asked
        .iter()
        .map(|(scope, named, expected)| async move {
            assert_eq!(lookup.find(scope.clone(), *named).await.unwrap(), *expected, "{named:?}");
        })
        .collect();
    while finding.next().await.is_some() {}
}

async fn what_was_written_before_the_call_is_found(fresh: TestStore) {
    let (tenant, lookup) = (fresh.tenant().await, Lookup::new(fresh.db.clone()));
    for _ in 0..20 {
        let ticket = tenant.ticket(NOON);
        // Others request it continuously, before it exists and while it is inserted.
        let named = TicketRef::Id(ticket.id);
        let others: FuturesUnordered<_> = (0..8).map(|_| lookup.find(tenant.scope.clone(), named)).collect();
        let others = others.for_each(|found| async { drop(found.unwrap()) });
        let written = ticket.clone();
        let mine = async {
            let insert = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
                let number = store::tickets::next_number(tx).await?;
                store::tickets::insert(tx, &Ticket { number, ..written.clone() });
                Ok(number)
            });
            let number = insert.await.unwrap();
            assert_eq!(lookup.find(tenant.scope.clone(), named).await.unwrap(), Some(Ticket { number, ..ticket }));
        };
        tokio::join!(others, mine);
    }
}

async fn callers_that_go_away_take_nobody_with_them(fresh: TestStore) {
    let (mut asked, lookup) = (asked(&fresh).await, Lookup::new(fresh.db.clone()));
    // A request by number is read alone, and would hold a reader that nobody polls.
    asked.retain(|(_, named, _)| matches!(named, TicketRef::Id(_)));
    let find = |(scope, named, _): &LookupCase| lookup.find(scope.clone(), *named).boxed();
    let mut nowhere = Context::from_waker(Waker::noop());
    // Readers and waiting callers go away, at every position of the queue, right after they began.
    for gone in 0..asked.len() {
        let mut finding: Vec<_> = asked.iter().map(find).collect();
        let mut early = Vec::new();
        for one in &mut finding {
            early.push(match one.poll_unpin(&mut nowhere) {
                Poll::Ready(found) => Some(found.unwrap()),
                Poll::Pending => None,
            });
        }
        for (at, ((_, named, expected), (early, one))) in asked.iter().zip(early.into_iter().zip(finding)).enumerate() {
            if at == gone || at % 7 == gone % 7 {
                continue;
            }
            let found = match early {
                Some(found) => found,
                None => one.await.unwrap(),
            };
            assert_eq!(found, *expected, "{named:?}, when number {gone} went away");
        }
    }
}

on_both!(TestStore:
    whoever_asks_at_once_gets_what_is_asked_for,
    what_was_written_before_the_call_is_found,
    callers_that_go_away_take_nobody_with_them,
);
