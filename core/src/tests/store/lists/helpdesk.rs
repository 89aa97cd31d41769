//! A tenant with many tickets, inserted without the store, and plain queries for the results of its lists.

use crate::store::{
    self,
    tickets::{AssigneeFilter, Filter, SortKey, TagRef},
};
use crate::tests::support::{NOON, StoredTenant, TestStore};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, InboxId, TagId, TicketId},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::time::Duration;
use uuid::Uuid;

/// Time between two tickets, except for the last third, which came within a minute.
const EVERY: Duration = Duration::from_secs(30);

pub(super) struct Helpdesk {
    pub(crate) fresh: TestStore,
    pub(crate) tenant: StoredTenant,
    pub(crate) count: u32,
    pub(crate) inboxes: Vec<InboxId>,
    pub(crate) agents: Vec<AgentId>,
    pub(crate) tag: TagRef,
    /// What a filter may name as a tag.
    pub(crate) tags: Vec<String>,
}

impl Helpdesk {
    pub(super) async fn open(fresh: TestStore, count: u32) -> Helpdesk {
        let tenant = fresh.tenant().await;
        let stranger = fresh.tenant().await;
        let desk = Helpdesk::bare(fresh, tenant, count);
        desk.fill(0, count).await;
        // Another tenant's tickets do not matter.
        let ticket = stranger.ticket(NOON);
        let write = async move |tx: &mut store::Tx<'_>| -> store::Result<_> {
            store::tickets::insert(tx, &ticket);
            Ok(())
        };
        desk.fresh.db.write(stranger.scope.clone(), write).await.unwrap();
        desk
    }

    pub(super) fn bare(fresh: TestStore, tenant: StoredTenant, count: u32) -> Helpdesk {
        let inboxes =
            [tenant.inbox, InboxId(Uuid::from_u128(11)), InboxId(Uuid::from_u128(12)), InboxId(Uuid::from_u128(13))];
        let (many, few) = (TagId(Uuid::from_u128(31)), TagId(Uuid::from_u128(32)));
        Helpdesk {
            fresh,
            tenant,
            count,
            inboxes: inboxes.into(),
            agents: (21..=24).map(|n| AgentId(Uuid::from_u128(n))).collect(),
            tag: TagRef { id: few, name: "Few".to_owned() },
            // The last tag's name is the id of the first.
            tags: vec!["MANY".to_owned(), "few".to_owned(), few.0.to_string(), many.0.to_string(), "none".to_owned()],
        }
    }

    /// The time of a ticket, `part` parts of `of` after the first.
    pub(super) fn at(&self, part: u64, of: u64) -> Timestamp {
        let first = NOON.minus(EVERY * self.count);
        first.plus(EVERY * u32::try_from(u64::from(self.count) * part / of).unwrap())
    }

    fn id(&self, id: Uuid) -> String {
        match self.fresh.postgres {
            Some(_) => format!("'{id}'::uuid"),
            None => format!("X'{}'", id.simple()),
        }
    }

    /// Inserts the tickets after `from` up to `to`, with everything that the earlier release maintained, and no more.
    pub(super) async fn fill(&self, from: u32, to: u32) {
        let pg = self.fresh.postgres.is_some();
        let (tenant, count) = (self.id(self.tenant.id.0), i64::from(self.count));
        // The same in both databases: pseudo-random by multiplication.
        let roll =
            |salt: i64, of: i64| format!("((n * 48271 + {salt} * 69621) % 2147483647 * 16807 % 2147483647 % {of})");
        let rows = if pg {
            format!("WITH s AS (SELECT CAST(generate_series({from} + 1, {to}) AS bigint) AS n)")
        } else {
            format!("WITH RECURSIVE s (n) AS (SELECT {from} + 1 UNION ALL SELECT n + 1 FROM s WHERE n < {to})")
        };
        let (first, every) = (NOON.minus(EVERY * self.count).micros(), EVERY.as_micros());
        let (last, quiet) = (count * 2 / 3, count * 2 / 3 * EVERY.as_micros() as i64);
        let burst = format!("CASE WHEN n > {last} THEN {quiet} + (n - {last}) * 7000 ELSE n * {every} END");
        let created = format!("({first} + {burst})");
        let updated = format!("({created} + CASE WHEN n % 5 = 0 THEN 0 ELSE {} * 1000000 END)", roll(1, 86_400));
        let hex = |number: &str, digits: usize| {
            if pg {
                format!("lpad(to_hex(CAST({number} AS bigint)), {digits}, '0')")
            } else {
                format!("printf('%0{digits}x', {number})")
            }
        };
        // Not in the order of time: ids of other releases, or of other programs.
        let id = format!("{} || '0000' || {}", hex(&roll(2, 1 << 30), 12), hex("n", 16));
        let id = if pg { format!("CAST({id} AS uuid)") } else { format!("unhex({id})") };
        let pick = |roll: &str, all: &[String]| {
            let cases: String = all.iter().enumerate().map(|(at, it)| format!(" WHEN {at} THEN {it}")).collect();
            format!("CASE {roll}{cases} END")
        };
        let words: Vec<String> = ["refund", "order", "lost parcel", "invoice", "find it", "e", "caf\u{e9}", "thing"]
            .map(|word| format!("'{word}'"))
            .into();
        let subject = |folded: bool| {
            let words: Vec<String> =
                words.iter().map(|word| if folded { word.replace('é', "e") } else { word.clone() }).collect();
            format!(
                "{} || ' ' || {} || ' #' || n || CASE WHEN n % 997 = 0 THEN ' zeppelin' ELSE '' END",
                pick(&roll(3, 8), &words),
                pick(&roll(4, 8), &words)
            )
        };
        // Old tickets are usually closed; new ones are open.
        let status = format!(
            "CASE WHEN n * 20 > {count} * 19 THEN {} ELSE {} END",
            pick(&roll(5, 4), &["1".into(), "1".into(), "2".into(), "4".into()]),
            pick(&roll(6, 50), &["3".into(), "3".into(), "2".into()]).replace(" END", " ELSE 4 END")
        );
        let priority = format!("CASE WHEN {r} < 3 THEN 4 WHEN {r} < 100 THEN 3 ELSE 2 END", r = roll(7, 1000));
        // The second inbox has old tickets only, the third few, the last none.
        let inbox = format!(
            "CASE WHEN n * 4 < {count} AND {r} < 40 THEN {} WHEN {r} = 50 THEN {} ELSE {} END",
            self.id(self.inboxes[1].0),
            self.id(self.inboxes[2].0),
            self.id(self.inboxes[0].0),
            r = roll(8, 100)
        );
        let agents: Vec<String> = self.agents[..3].iter().map(|it| self.id(it.0)).collect();
        let assignee = format!("CASE WHEN {} = 0 THEN NULL ELSE {} END", roll(9, 6), pick(&roll(10, 3), &agents));
        let email = format!(
            "CASE WHEN {r} < 30 THEN 'ada1@example.com' WHEN {r} = 99 THEN 'ada2@example.com' END",
            r = roll(11, 100)
        );
        let (many, few) = (Uuid::from_u128(31), self.tag.id.0);
        let is_many = format!("{} < 40", roll(12, 100));
        let is_few = format!("{} = 0", roll(13, 300));
        let json = |id: Uuid, name: &str| format!("{{\"id\":\"{id}\",\"name\":\"{name}\"}}");
        let tags = format!(
            "CASE WHEN {is_many} AND {is_few} THEN '[{f},{m}]' WHEN {is_many} THEN '[{m}]' WHEN {is_few} THEN '[{f}]' ELSE '[]' END",
            m = json(many, "Many"),
            f = json(few, "Few")
        );
        let mut sql = vec![format!(
            "{rows} INSERT INTO tickets (id, tenant_id, number, subject, subject_folded, status, priority, inbox_id, assignee_id, \
             requester_name, requester_email, requester_folded, tags, channel, message_count, created_at, updated_at, version) \
             SELECT {id}, {tenant}, n, {}, {}, {status}, {priority}, {inbox}, {assignee}, 'Ada', {email}, {email}, {tags}, 2, 0, \
             {created}, {updated}, 1 FROM s",
            subject(false),
            subject(true)
        )];
        let nil = self.id(Uuid::nil());
        let (of_tenant, of_these) = (format!("tenant_id = {tenant}"), format!("number > {from} AND number <= {to}"));
        let cells = [
            (1, "0".to_owned(), nil.clone(), String::new()),
            (2, "priority".to_owned(), format!("COALESCE(assignee_id, {nil})"), ", priority, assignee_id".to_owned()),
        ];
        for (grain, priority, assignee, finer) in cells {
            sql.push(format!(
                "INSERT INTO counts (tenant_id, grain, inbox_id, status, priority, assignee_id, slot, n) \
                 SELECT tenant_id, {grain}, inbox_id, status, {priority}, {assignee}, 9, COUNT(*) FROM tickets \
                 WHERE {of_tenant} AND {of_these} GROUP BY tenant_id, inbox_id, status{finer} \
                 ON CONFLICT (tenant_id, grain, inbox_id, status, priority, assignee_id, slot) \
                 DO UPDATE SET n = counts.n + excluded.n"
            ));
        }
        let other = self.id(Uuid::from_u128(33));
        for (id, name) in
            [(self.id(many), "many".to_owned()), (self.id(few), "few".to_owned()), (other.clone(), many.to_string())]
        {
            sql.push(format!(
                "INSERT INTO tags (id, tenant_id, name, name_folded, created_at) VALUES ({id}, {tenant}, '{name}', '{name}', 0) \
                 ON CONFLICT (id) DO NOTHING"
            ));
        }
        // A tag named like another's id has some of that tag's tickets, and others.
        for (id, has) in [(self.id(many), is_many), (self.id(few), is_few), (other, "n % 400 = 3".to_owned())] {
            sql.push(format!(
                "INSERT INTO ticket_tags (ticket_id, tag_id, tenant_id, created_at) SELECT id, {id}, tenant_id, created_at \
                 FROM (SELECT id, tenant_id, created_at, number AS n FROM tickets WHERE {of_tenant} AND {of_these}) t WHERE {has}"
            ));
        }
        sql.push(format!("UPDATE tenants SET last_ticket_number = {to} WHERE id = {tenant}"));
        self.fresh.run(&sql.join("; ")).await;
    }

    /// Ids of all tickets that match a filter, in its order, by a plain query.
    pub(super) async fn plain(&self, filter: &Filter) -> Vec<TicketId> {
        let mut sql = format!("SELECT id FROM tickets t WHERE tenant_id = {}", self.id(self.tenant.id.0));
        let list = |all: Vec<String>| all.join(",");
        if !filter.status.is_empty() {
            sql +=
                &format!(" AND status IN ({})", list(filter.status.iter().map(|it| it.code().to_string()).collect()));
        }
        if !filter.priority.is_empty() {
            sql += &format!(
                " AND priority IN ({})",
                list(filter.priority.iter().map(|it| it.code().to_string()).collect())
            );
        }
        if !filter.inbox.is_empty() {
            sql += &format!(" AND inbox_id IN ({})", list(filter.inbox.iter().map(|it| self.id(it.0)).collect()));
        }
        if !filter.assignee.is_empty() {
            let one = |it: &AssigneeFilter| match it {
                AssigneeFilter::Nobody => "assignee_id IS NULL".to_owned(),
                AssigneeFilter::Agent(agent) => format!("assignee_id = {}", self.id(agent.0)),
            };
            sql += &format!(" AND ({})", filter.assignee.iter().map(one).collect::<Vec<_>>().join(" OR "));
        }
        if let Some(tag) = &filter.tag {
            let id = tag.parse().map_or(Uuid::max(), |id: TagId| id.0);
            sql += &format!(
                " AND id IN (SELECT ticket_id FROM ticket_tags WHERE tag_id IN (SELECT id FROM tags WHERE name_folded = '{}' OR id = {}))",
                store::fold(tag),
                self.id(id)
            );
        }
        if let Some(email) = &filter.requester_email {
            sql += &format!(" AND requester_folded = '{}'", store::fold(email));
        }
        if let Some(text) = &filter.subject_contains {
            let contains = if self.fresh.postgres.is_some() { "strpos" } else { "instr" };
            sql += &format!(" AND {contains}(subject_folded, '{}') > 0", store::subjects::fold(text));
        }
        if let Some(since) = filter.created_since {
            sql += &format!(" AND created_at >= {}", since.micros());
        }
        if let Some(since) = filter.updated_since {
            sql += &format!(" AND updated_at >= {}", since.micros());
        }
        if let Some(until) = filter.updated_until {
            sql += &format!(" AND updated_at < {}", until.micros());
        }
        let way = if filter.sort.descending { "DESC" } else { "ASC" };
        let key = match filter.sort.key {
            SortKey::CreatedAt => "created_at",
            SortKey::UpdatedAt => "updated_at",
            SortKey::Number => "number",
        };
        let sql = AssertSqlSafe(format!("{sql} ORDER BY {key} {way}, id {way}"));
        let url = &self.fresh.url;
        let ids: Vec<Uuid> = match self.fresh.postgres {
            Some(_) => sqlx::query_scalar(sql).fetch_all(&mut PgConnection::connect(url).await.unwrap()).await,
            None => sqlx::query_scalar(sql).fetch_all(&mut SqliteConnection::connect(url).await.unwrap()).await,
        }
        .unwrap();
        ids.into_iter().map(TicketId).collect()
    }
}
