//! Fan-out: at the end of a group its events are written with one delivery for each endpoint that wants them. The
//! deliveries are leased from the start, so that a worker can have them right after the commit and no lane is touched.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use super::{
    Result,
    db::{
        group::Writing,
        row::from_row,
        sql::{Rows, Type, read_rows, row_statements, write_rows},
    },
    endpoints::read_inboxes,
    events::{Leased, NewEvent, delivery_id},
    tenants::{Plan, overridden},
};
use bytes::Bytes;
use inboxops_proto::id::{EndpointId, InboxId, TenantId};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// Duration of a lease: twice the longest request, and time to report it.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Token of the lease with which a delivery is created.
pub(crate) const FIRST_TOKEN: i64 = 1;

/// An endpoint as fan-out sees it.
struct Subscriber {
    endpoint: EndpointId,
    tenant: TenantId,
    version: u32,
    mask: i64,
    inboxes: Vec<InboxId>,
    entitled: bool,
    thin: bool,
}

from_row!(Subscriber in "endpoints", row => {
    let tenant = row.of("tenants");
    let plan: Plan = tenant.code("plan")?;
    Ok(Subscriber {
        endpoint: EndpointId(row.get("id")?),
        tenant: TenantId(row.get("tenant_id")?),
        version: row.number("version")?,
        mask: row.get("mask")?,
        inboxes: row.parsed("inbox_ids", read_inboxes)?,
        entitled: overridden(tenant.get("webhooks")?).unwrap_or(plan.includes_integrations()),
        thin: row.get("thin")?,
    })
});

impl Subscriber {
    fn wants(&self, event: &NewEvent) -> bool {
        self.entitled && wants(self.mask, &self.inboxes, event.kind, [event.inbox, event.left])
    }
}

/// Whether a subscription covers an event of this kind, of the first inbox, that moved its ticket out of the second.
pub(super) fn wants(mask: i64, inboxes: &[InboxId], kind: i16, of: [Option<InboxId>; 2]) -> bool {
    let of_inbox = inboxes.is_empty() || of.into_iter().flatten().any(|inbox| inboxes.contains(&inbox));
    mask & (1 << kind) != 0 && of_inbox
}

row_statements! {
    SUBSCRIBERS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT e.id, e.tenant_id, e.version, e.mask, e.inbox_ids, t.plan, t.webhooks, e.thin \
               FROM v JOIN tenants t ON t.id = v.key JOIN endpoints e ON e.tenant_id = t.id \
               WHERE e.enabled AND e.disabled_reason IS NULL AND e.deleted_at IS NULL ORDER BY e.id",
        tail_pg: None,
    };
    INSERT_EVENTS = Rows {
        head: "INSERT INTO events (id, tenant_id, kind, group_id, inbox_id, left_inbox_id, ticket_id, test, created_at, \
               body) VALUES",
        row: &[
            Type::Uuid, Type::Uuid, Type::Small, Type::Uuid, Type::Uuid, Type::Uuid, Type::Uuid, Type::Bool, Type::Big,
            Type::Text,
        ],
        tail: "",
        tail_pg: None,
    };
    INSERT_DELIVERIES = Rows {
        head: "INSERT INTO deliveries (id, tenant_id, endpoint_id, event_id, kind, test, state, attempt, failures, \
               due_at, token, incarnation, created_at, thin) VALUES",
        row: &[
            Type::Uuid, Type::Uuid, Type::Uuid, Type::Uuid, Type::Small, Type::Bool, Type::Small, Type::Big, Type::Big,
            Type::Big, Type::Big, Type::Big, Type::Big, Type::Bool,
        ],
        tail: "",
        tail_pg: None,
    };
}

impl Writing {
    pub(super) async fn flush_events(&mut self) -> Result<()> {
        let events = std::mem::take(&mut self.group.events);
        if events.is_empty() {
            return Ok(());
        }
        let subscribers = self.subscribers(&events).await?;
        self.insert_events(&events).await?;
        let since = self.clock.now();
        let mut leased = Vec::with_capacity(events.len());
        for event in events {
            self.group.changed.entry(event.tenant).or_default();
            let deliver = |endpoint, endpoint_version, thin, body| Leased {
                delivery: delivery_id(event.id, endpoint),
                tenant: event.tenant,
                endpoint,
                endpoint_version,
                event: event.id,
                kind: event.kind,
                test: event.test_of.is_some(),
                token: FIRST_TOKEN,
                attempt: 1,
                failures: 0,
                fresh: false,
                thin,
                created_at: event.at,
                claimed: false,
                since,
                lease_until: since.plus(LEASE),
                trace: event.trace,
                body,
            };
            match event.test_of {
                Some(it) => leased.push(deliver(it.endpoint, it.version, it.thin, Bytes::from(event.body))),
                None => {
                    let all = subscribers.get(&event.tenant).map(Vec::as_slice).unwrap_or_default();
                    let wanting: Vec<_> = all.iter().filter(|it| it.wants(&event)).collect();
                    if wanting.is_empty() {
                        continue;
                    }
                    let body = Bytes::from(event.body);
                    leased
                        .extend(wanting.into_iter().map(|it| deliver(it.endpoint, it.version, it.thin, body.clone())));
                }
            }
        }
        self.insert_deliveries(&leased).await?;
        for it in &leased {
            self.group.changed.entry(it.tenant).or_default().push(it.delivery);
        }
        self.group.leased.append(&mut leased);
        Ok(())
    }

    async fn subscribers(&mut self, events: &[NewEvent]) -> Result<HashMap<TenantId, Vec<Subscriber>>> {
        let mut tenants: Vec<_> = events.iter().filter(|it| it.test_of.is_none()).map(|it| it.tenant.0).collect();
        tenants.sort_unstable();
        tenants.dedup();
        let mut found: HashMap<TenantId, Vec<Subscriber>> = HashMap::new();
        let rows =
            read_rows!(&mut self.link, SUBSCRIBERS, &tenants, Subscriber, |query, tenant| query.bind::<Uuid>(*tenant));
        for row in rows {
            found.entry(row.tenant).or_default().push(row);
        }
        Ok(found)
    }

    async fn insert_events(&mut self, events: &[NewEvent]) -> Result<()> {
        write_rows!(&mut self.link, INSERT_EVENTS, events, |query, event| query
            .bind(event.id.0)
            .bind(event.tenant.0)
            .bind(event.kind)
            .bind(event.group.0)
            .bind(event.inbox.map(|inbox| inbox.0))
            .bind(event.left.map(|inbox| inbox.0))
            .bind(event.ticket.map(|ticket| ticket.0))
            .bind(event.test_of.is_some())
            .bind(event.at.micros())
            .bind(&event.body));
        Ok(())
    }

    async fn insert_deliveries(&mut self, leased: &[Leased]) -> Result<()> {
        let state = super::deliveries::State::Leased.code();
        let incarnation = self.core.incarnation;
        write_rows!(&mut self.link, INSERT_DELIVERIES, leased, |query, it| query
            .bind(it.delivery.0)
            .bind(it.tenant.0)
            .bind(it.endpoint.0)
            .bind(it.event.0)
            .bind(it.kind)
            .bind(it.test)
            .bind(state)
            .bind(i64::from(it.attempt))
            .bind(i64::from(it.failures))
            .bind(it.lease_until.micros())
            .bind(it.token)
            .bind(incarnation)
            .bind(it.created_at.micros())
            .bind(it.thin));
        Ok(())
    }
}
