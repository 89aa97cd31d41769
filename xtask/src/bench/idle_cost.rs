//! The cost of an idle server with its database, with many tickets in it: the share of one processor core over a minute
//! without any request.

use super::{
    BoxResult, create, endpoint,
    figures::{Figure, Goal},
    house::House,
    receiver::Receiver,
    server::Plan,
    usage,
};
use std::{path::Path, time::Duration};

/// Tickets in the database, each with its event.
const TICKETS: usize = 500_000;
/// Time after which everything that follows a start has ended.
const SETTLE: Duration = Duration::from_secs(20);
/// Duration of the measurement.
const LENGTH: Duration = Duration::from_secs(60);

/// With one ticket and with many.
pub(super) async fn idle_cost(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let goal = if url.is_none() { 0.2 } else { 0.3 };
    let house = House::open(bin, url)?;
    let receiver = Receiver::start().await?;
    // One of each, so that there is something to copy.
    endpoint(&house.server, &house.tenant, &receiver).await?;
    create(&house.server, &house.tenant).await?;
    let few = share(&house).await?;
    let House { plan, server, tenant, _folder } = house;
    drop(server);
    fill(&plan)?;
    let server = plan.start()?;
    let many = share(&House { plan, server, tenant, _folder }).await?;
    Ok(vec![
        Figure::less("idle with one ticket, the database included: share of a core", few, "%"),
        Figure::less("idle with 500,000 tickets, the database included: share of a core", many, "%")
            .goal(Goal::Value(goal)),
    ])
}

/// The share of a processor core in percent, of the server and its database.
async fn share(house: &House<'_>) -> BoxResult<f64> {
    tokio::time::sleep(SETTLE).await;
    let all = house.families()?;
    let before = usage::processor(&all);
    tokio::time::sleep(LENGTH).await;
    Ok((usage::processor(&all) - before).as_secs_f64() * 100.0 / LENGTH.as_secs_f64())
}

/// Copies the ticket and its event until there are many.
fn fill(plan: &Plan<'_>) -> BoxResult<()> {
    let rest = TICKETS - 1;
    let (id, rows) = match plan.database_url {
        None => (
            "randomblob(16)",
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rest})"),
        ),
        Some(_) => ("gen_random_uuid()", format!("WITH n(i) AS (SELECT generate_series(1, {rest}))")),
    };
    let same = "tenant_id, subject, subject_folded, status, priority, inbox_id, assignee_id, requester_name, \
                requester_email, requester_folded, tags, channel, message_count, last_message_at";
    let event = "tenant_id, kind, group_id, inbox_id, test, body";
    plan.sql(&format!(
        "{rows} INSERT INTO tickets (id, number, {same}, created_at, updated_at, version)
             SELECT {id}, number + n.i, {same}, created_at + n.i, updated_at + n.i, version FROM tickets, n;
         {rows} INSERT INTO events (id, {event}, created_at) SELECT {id}, {event}, created_at + n.i FROM events, n;
         UPDATE counts SET n = n + {rest} WHERE n > 0;
         UPDATE tenants SET last_ticket_number = last_ticket_number + {rest};"
    ))?;
    // Otherwise PostgreSQL would do it by itself during the measurement.
    if plan.database_url.is_some() { plan.sql("VACUUM (ANALYZE)") } else { Ok(()) }
}
