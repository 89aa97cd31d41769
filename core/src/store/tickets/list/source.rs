//! Sources of a filter's tickets: one of its parts, by an index of that part, unordered. The rest of the filter is
//! checked in each row.

use super::{
    AssigneeFilter, Filter, SortKey, Status,
    text::{Text, Value},
};
use crate::store::{
    counts::FINE,
    fold,
    spans::Kind,
    subjects::{self, SubjectMatch},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{TagId, TenantId, TicketId},
};
use uuid::Uuid;

/// The assignee value for nobody in `counts`, for each database.
const NOBODY: (&str, &str) = ("zeroblob(16)", "'00000000-0000-0000-0000-000000000000'");

/// A part of a filter by which tickets are found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// Status, inbox, priority and assignee, by the cells of `counts`.
    Cells,
    /// Any of these tags. There is more than one only if a tag's name is another's id.
    Tags(Vec<TagId>),
    /// The requester, folded.
    Requester(String),
    /// This time or newer.
    Since(Kind, Timestamp),
    /// Changed in this period, end excluded.
    Changed(Timestamp, Timestamp),
    /// With these ids.
    Ids(Vec<TicketId>),
    /// The subject, by the result of the index of subjects.
    Subject(SubjectMatch),
}

impl SortKey {
    pub(super) const fn column(self) -> &'static str {
        match self {
            SortKey::CreatedAt => "created_at",
            SortKey::UpdatedAt => "updated_at",
            SortKey::Number => "number",
        }
    }

    /// The time of the order, if it is one.
    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            SortKey::CreatedAt => Some(Kind::Created),
            SortKey::UpdatedAt => Some(Kind::Updated),
            SortKey::Number => None,
        }
    }
}

impl Kind {
    /// The column, and its index.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Created => ("created_at", "tickets_created"),
            Kind::Updated => ("updated_at", "tickets_updated"),
        }
    }
}

impl Filter {
    /// The states of the filter, each once; all if it names none.
    pub(super) fn states(&self) -> impl Iterator<Item = Status> {
        Status::ALL.iter().copied().filter(|state| self.status.is_empty() || self.status.contains(state))
    }

    /// Whether it names a state, an inbox, a priority or an assignee.
    pub(super) fn names_cells(&self) -> bool {
        !self.status.is_empty() || self.names_inner_cells()
    }

    /// The same without states.
    pub(super) fn names_inner_cells(&self) -> bool {
        !(self.inbox.is_empty() && self.priority.is_empty() && self.assignee.is_empty())
    }
}

/// A filter with its look-ups resolved.
#[derive(Clone, Debug)]
pub(super) struct ResolvedFilter<'a> {
    pub(super) tenant: TenantId,
    pub(super) filter: &'a Filter,
    /// The tags that it names.
    pub(super) tags: Vec<TagId>,
    /// The folded text that the subject must contain.
    pub(super) needle: Option<String>,
}

/// Parts of a filter that an index already guarantees, so that rows need not be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexedParts {
    pub(super) status: bool,
    /// Inbox, priority and assignee.
    pub(super) cells: bool,
    pub(super) tag: bool,
    pub(super) requester: bool,
    pub(super) created: bool,
    pub(super) updated: bool,
    /// The upper bound on the change.
    pub(super) until: bool,
}

impl IndexedParts {
    /// Whether no part of the filter is left to check.
    pub(super) fn all_of(self, wanted: &ResolvedFilter<'_>) -> bool {
        let filter = wanted.filter;
        (self.status || filter.status.is_empty())
            && (self.cells || !filter.names_inner_cells())
            && (self.tag || filter.tag.is_none())
            && (self.requester || filter.requester_email.is_none())
            && (self.created || filter.created_since.is_none())
            && (self.updated || filter.updated_since.is_none())
            && (self.until || filter.updated_until.is_none())
            && wanted.needle.is_none()
    }
}

impl Source {
    pub(super) fn seen(&self) -> IndexedParts {
        match self {
            Source::Cells => IndexedParts { status: true, cells: true, ..IndexedParts::default() },
            Source::Tags(_) => IndexedParts { tag: true, ..IndexedParts::default() },
            Source::Requester(_) => IndexedParts { requester: true, ..IndexedParts::default() },
            Source::Since(Kind::Created, _) => IndexedParts { status: true, created: true, ..IndexedParts::default() },
            Source::Since(Kind::Updated, _) => IndexedParts { status: true, updated: true, ..IndexedParts::default() },
            Source::Changed(..) => IndexedParts { status: true, updated: true, until: true, ..IndexedParts::default() },
            // The lists may name too many tickets.
            Source::Subject(_) | Source::Ids(_) => IndexedParts::default(),
        }
    }

    /// Adds ` FROM …` with its tickets as `t`, and a condition to which others can be added. The part is fenced, so
    /// that statistics, old ones above all, cannot lead to another plan.
    pub(super) fn from(&self, text: &mut Text, wanted: &ResolvedFilter<'_>) {
        let tenant = Value::Uuid(wanted.tenant.0);
        match self {
            Source::Cells => {
                text.push(" FROM ");
                cells(text, wanted);
                text.each(
                    " c CROSS JOIN tickets t INDEXED BY tickets_cell WHERE ",
                    " c CROSS JOIN LATERAL ((SELECT * FROM tickets WHERE ",
                );
                in_cell(text, wanted.tenant, text.pg.then_some(false));
                if text.pg {
                    // In the order of the index: without statistics the planner would consider another one as good.
                    text.push(" ORDER BY assignee_id, created_at, id) UNION ALL (SELECT * FROM tickets WHERE ");
                    in_cell(text, wanted.tenant, Some(true));
                    text.push(" ORDER BY assignee_id, created_at, id)) t WHERE TRUE");
                }
            }
            Source::Tags(tags) => {
                text.push(if tags.len() > 1 { " FROM (SELECT DISTINCT ticket_id" } else { " FROM (SELECT ticket_id" });
                text.push(" FROM ticket_tags WHERE").one_of(" tag_id IN", tags.iter().map(|it| Value::Uuid(it.0)));
                text.each(
                    ") x CROSS JOIN tickets t WHERE t.id = x.ticket_id AND t.tenant_id = ",
                    " OFFSET 0) x CROSS JOIN LATERAL (SELECT * FROM tickets WHERE id = x.ticket_id AND tenant_id = ",
                );
                text.bind(tenant).each("", " OFFSET 0) t WHERE TRUE");
            }
            Source::Requester(email) => {
                text.each(
                    " FROM tickets t INDEXED BY tickets_requester WHERE tenant_id = ",
                    " FROM (SELECT * FROM tickets WHERE tenant_id = ",
                );
                text.bind(tenant).push(" AND requester_folded = ").bind(Value::Text(email.clone()));
                text.each("", " OFFSET 0) t WHERE TRUE");
            }
            Source::Since(kind, since) => timed(text, wanted, *kind, *since, None),
            Source::Changed(since, until) => timed(text, wanted, Kind::Updated, *since, Some(*until)),
            Source::Ids(ids) => {
                text.each(" FROM tickets t WHERE", " FROM (SELECT * FROM tickets WHERE");
                text.one_of(" id IN", ids.iter().map(|it| Value::Uuid(it.0)));
                // A truth value, so that no planner searches by tenant.
                text.push(" AND (tenant_id = ").bind(tenant).push(") IS TRUE");
                text.each("", " OFFSET 0) t WHERE TRUE");
            }
            Source::Subject(found) => subject(text, found, tenant),
        }
    }
}

fn timed(text: &mut Text, wanted: &ResolvedFilter<'_>, kind: Kind, since: Timestamp, until: Option<Timestamp>) {
    let (column, index) = kind.names();
    text.each(
        &format!(" FROM tickets t INDEXED BY {index} WHERE tenant_id = "),
        " FROM (SELECT * FROM tickets WHERE tenant_id = ",
    );
    text.bind(Value::Uuid(wanted.tenant.0));
    text.one_of(" AND status IN", wanted.filter.states().map(|it| Value::Small(it.code())));
    text.push(" AND ").push(column).push(" >= ").bind(Value::Big(since.micros()));
    if let Some(until) = until {
        text.push(" AND ").push(column).push(" < ").bind(Value::Big(until.micros()));
    }
    text.each("", " OFFSET 0) t WHERE TRUE");
}

fn subject(text: &mut Text, found: &SubjectMatch, tenant: Value) {
    let (SubjectMatch::Few { numbers, .. } | SubjectMatch::Exactly(numbers)) = found;
    let list = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let list = if text.pg { format!("{{{list}}}") } else { format!("[{list}]") };
    text.each(" FROM (SELECT value AS number FROM json_each(", " FROM (SELECT unnest(CAST(");
    text.bind(Value::Text(list)).each(")", " AS bigint[])) AS number");
    if let SubjectMatch::Few { above, .. } = found {
        text.push(" UNION ALL SELECT number FROM tickets WHERE tenant_id = ").bind(tenant.clone());
        text.push(" AND number > ").bind(Value::Big(i64::from(*above)));
    }
    text.each(
        ") n CROSS JOIN tickets t INDEXED BY tickets_number WHERE t.number = n.number AND t.tenant_id = ",
        ") n CROSS JOIN LATERAL (SELECT * FROM tickets WHERE number = n.number AND tenant_id = ",
    );
    text.bind(tenant).each("", " OFFSET 0) t WHERE TRUE");
}

/// Adds a table of the non-empty cells that match the filter.
pub(super) fn cells(text: &mut Text, wanted: &ResolvedFilter<'_>) {
    let filter = wanted.filter;
    text.each(
        &format!("(SELECT status, inbox_id, priority, NULLIF(assignee_id, {}) AS assignee_id", NOBODY.0),
        "(SELECT status, inbox_id, priority, assignee_id",
    );
    text.push(" FROM counts WHERE tenant_id = ").bind(Value::Uuid(wanted.tenant.0));
    text.push(" AND grain = ").bind(Value::Small(FINE));
    text.one_of(" AND inbox_id IN", filter.inbox.iter().map(|it| Value::Uuid(it.0)));
    text.one_of(" AND status IN", filter.status.iter().map(|it| Value::Small(it.code())));
    text.one_of(" AND priority IN", filter.priority.iter().map(|it| Value::Small(it.code())));
    let agent = |it: &AssigneeFilter| match it {
        AssigneeFilter::Nobody => Value::Uuid(Uuid::nil()),
        AssigneeFilter::Agent(agent) => Value::Uuid(agent.0),
    };
    text.one_of(" AND assignee_id IN", filter.assignee.iter().map(agent));
    text.push(" GROUP BY status, inbox_id, priority, counts.assignee_id HAVING SUM(n) > 0").each(")", " OFFSET 0)");
}

/// Adds the condition that a ticket is in cell `c`. PostgreSQL cannot look up NULL and other values by one condition:
/// `nobody` says which cells are meant.
pub(super) fn in_cell(text: &mut Text, tenant: TenantId, nobody: Option<bool>) {
    text.push("tenant_id = ").bind(Value::Uuid(tenant.0));
    let t = if text.pg { "" } else { "t." };
    for column in ["status", "inbox_id", "priority"] {
        text.push(&format!(" AND {t}{column} = c.{column}"));
    }
    match nobody {
        None => text.push(" AND t.assignee_id IS c.assignee_id"),
        Some(false) => text.push(" AND assignee_id = c.assignee_id"),
        Some(true) => text.push(" AND assignee_id IS NULL AND c.assignee_id = ").push(NOBODY.1),
    };
}

/// Adds the parts of the filter that are still to be checked on `t`.
pub(super) fn rest(text: &mut Text, wanted: &ResolvedFilter<'_>, seen: IndexedParts) {
    let filter = wanted.filter;
    if !seen.status {
        text.one_of(" AND t.status IN", filter.status.iter().map(|it| Value::Small(it.code())));
    }
    if !seen.cells {
        text.one_of(" AND t.priority IN", filter.priority.iter().map(|it| Value::Small(it.code())));
        text.one_of(" AND t.inbox_id IN", filter.inbox.iter().map(|it| Value::Uuid(it.0)));
        assignees(text, &filter.assignee);
    }
    if !seen.tag && filter.tag.is_some() {
        // No EXISTS: with it, on SQLite 3.51.3, a list contained a ticket with both of two tags twice.
        text.push(" AND (SELECT x.tag_id FROM ticket_tags x WHERE x.ticket_id = t.id");
        text.one_of(" AND x.tag_id IN", wanted.tags.iter().map(|it| Value::Uuid(it.0))).push(" LIMIT 1) IS NOT NULL");
    }
    if !seen.requester
        && let Some(email) = &filter.requester_email
    {
        text.push(" AND t.requester_folded = ").bind(Value::Text(fold(email)));
    }
    if let Some(needle) = &wanted.needle {
        text.each(" AND instr(", " AND strpos(").push("t.subject_folded, ");
        text.bind(Value::Text(needle.clone())).push(") > 0");
    }
    if !seen.created
        && let Some(since) = filter.created_since
    {
        text.push(" AND t.created_at >= ").bind(Value::Big(since.micros()));
    }
    if !seen.updated
        && let Some(since) = filter.updated_since
    {
        text.push(" AND t.updated_at >= ").bind(Value::Big(since.micros()));
    }
    if !seen.until
        && let Some(until) = filter.updated_until
    {
        text.push(" AND t.updated_at < ").bind(Value::Big(until.micros()));
    }
}

fn assignees(text: &mut Text, wanted: &[AssigneeFilter]) {
    if wanted.is_empty() {
        return;
    }
    let agents = || {
        wanted.iter().filter_map(|it| match it {
            AssigneeFilter::Agent(agent) => Some(Value::Uuid(agent.0)),
            AssigneeFilter::Nobody => None,
        })
    };
    text.push(" AND (");
    if wanted.contains(&AssigneeFilter::Nobody) {
        text.push("t.assignee_id IS NULL").push(if agents().next().is_none() { "" } else { " OR " });
    }
    text.one_of("t.assignee_id IN", agents()).push(")");
}

/// The text that the subject must contain, unless it is empty.
pub(super) fn needle(filter: &Filter) -> Option<String> {
    filter.subject_contains.as_deref().map(subjects::fold).filter(|needle| !needle.is_empty())
}
