//! The cost of a page of a list with a thousand tickets and with a million: the same requests to a server of each in
//! turn, over one connection, and the ratio of the medians.

use super::{
    BoxResult,
    figures::{Figure, Goal},
    load,
    server::{Plan, ServerProcess, Tenant},
};
use inboxops_core::bench::{self, FillSummary};
use serde_json::Value;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// Number of tickets to compare with.
const FEW: u32 = 1_000;
/// Number of tickets, unless `BENCH_TICKETS` sets it.
const MANY: u32 = 1_000_000;
/// How often all pages are requested.
const ROUNDS: usize = 3;
/// Greatest number of requests for one page in a round.
const ASKED: usize = 100;
/// Longest time for one page in a round.
const LENGTH: Duration = Duration::from_secs(2);
/// Requests before the measurement.
const WARM_UP: usize = 5;
/// Greatest ratio of a page's cost with a million tickets to its cost with a thousand.
const RATIO: f64 = 2.0;
/// Greatest ratio of the cost of a page by cursor in the middle of a list to that of the list's first page.
const CURSOR_RATIO: f64 = 1.5;
/// Lists that are read by cursor: what they are, and their query.
const BY_CURSOR: [(&str, &str); 6] = [
    ("all", "per_page=25"),
    ("by change", "sort=-updated_at"),
    ("by number", "sort=ticket_number"),
    ("`status=solved`", "status=solved"),
    ("`priority=high` by `-updated_at`", "priority=high&sort=-updated_at"),
    ("tag of many", "tag=billing"),
];

/// The goal for the cost of a page with a million tickets.
#[derive(Clone, Copy)]
enum Cost {
    /// At most twice the cost with a thousand.
    Same,
    /// The same, and at most this many milliseconds.
    SameWithin(f64),
    /// At most this many milliseconds.
    Within(f64),
    /// No goal.
    Free,
}

struct Question {
    what: String,
    query: String,
    cost: Cost,
}

/// The figures of one database, one set for each round.
pub(super) async fn measure(bin: &Path, urls: [Option<&str>; 2]) -> BoxResult<Vec<Vec<Figure>>> {
    let most = std::env::var("BENCH_TICKETS").ok().map_or(Ok(MANY), |text| text.parse())?;
    let desks = [Desk::open(bin, urls[0], FEW).await?, Desk::open(bin, urls[1], most).await?];
    let questions = [desks[0].questions().await?, desks[1].questions().await?];
    let mut by_cursor = Vec::new();
    for (what, query) in BY_CURSOR {
        by_cursor.push(desks[1].by_cursor(what, query).await?);
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut figures = Vec::new();
        for (few, many) in questions[0].iter().zip(&questions[1]) {
            let base = desks[0].ask(few).await?;
            let own = desks[1].ask(many).await?;
            figures.extend(compared(many, base, own));
        }
        for [first, middle] in &by_cursor {
            let (base, own) = (desks[1].ask(first).await?, desks[1].ask(middle).await?);
            let name = format!("by cursor, the middle of {}, {} tickets: ÷ page 1", middle.what, own.total);
            let ratio = own.p50.as_secs_f64() / base.p50.as_secs_f64();
            figures.push(Figure::less(name, ratio, "×").goal(Goal::Value(CURSOR_RATIO)));
        }
        figures.iter().for_each(|it| eprintln!("{} {:.2} {}", it.name, it.value, it.unit));
        rounds.push(figures);
    }
    Ok(rounds)
}

fn compared(question: &Question, base: PageTimes, own: PageTimes) -> [Figure; 2] {
    let millis = |page: PageTimes| page.p50.as_secs_f64() * 1000.0;
    let goal = |of: Option<f64>| of.map_or(Goal::None, Goal::Value);
    let (ratio, time) = match question.cost {
        Cost::Same => (Some(RATIO), None),
        Cost::SameWithin(most) => (Some(RATIO), Some(most)),
        Cost::Within(most) => (None, Some(most)),
        Cost::Free => (None, None),
    };
    let what = &question.what;
    let time_of = format!("{} of {} tickets", own.total, own.of);
    [
        Figure::less(format!("{what}: {time_of}, p50"), millis(own), "ms").goal(goal(time)),
        Figure::less(format!("{what}: ÷ {} of {}", base.total, base.of), millis(own) / millis(base), "×")
            .goal(goal(ratio)),
    ]
}

/// The times of a page.
#[derive(Clone, Copy)]
struct PageTimes {
    p50: Duration,
    /// Number of tickets in the list.
    total: u64,
    /// Number of tickets in all.
    of: u32,
}

/// A server with many tickets.
struct Desk<'a> {
    server: ServerProcess,
    tenant: Tenant,
    filled: FillSummary,
    tickets: u32,
    _plan: Plan<'a>,
    _folder: tempfile::TempDir,
}

impl<'a> Desk<'a> {
    async fn open(bin: &'a Path, url: Option<&'a str>, tickets: u32) -> BoxResult<Desk<'a>> {
        let folder = tempfile::tempdir()?;
        let plan = Plan { bin, data: folder.path().to_owned(), database_url: url, write_group_max: None };
        let tenant = {
            let _server = plan.start()?;
            plan.tenant()?
        };
        let own = || format!("sqlite:{}", folder.path().join("inboxops.db").display());
        let begin = Instant::now();
        let url = url.map_or_else(own, str::to_owned);
        let filled = bench::fill_tickets(&url, tenant.id.parse()?, tenant.inbox.parse()?, tickets).await?;
        eprintln!("{tickets} tickets: filled in {:.1} s", begin.elapsed().as_secs_f64());
        Ok(Desk { server: plan.start()?, tenant, filled, tickets, _plan: plan, _folder: folder })
    }

    /// The requests to measure.
    async fn questions(&self) -> BoxResult<Vec<Question>> {
        let middle = self.opened(self.tickets / 2).await?;
        let late = self.opened(self.tickets - 50).await?;
        let deep = (self.tickets / 25 / 2).max(1);
        let FillSummary { rare_inbox, agent } = &self.filled;
        let inbox = &self.tenant.inbox;
        let ask = |what: &str, query: &str, cost| Question { what: what.to_owned(), query: query.to_owned(), cost };
        let mut all = vec![
            ask("page 1", "", Cost::Same),
            ask("`status=closed`", "status=closed", Cost::Same),
            ask("unknown tag", "tag=nobody-has-it", Cost::Same),
            ask("deep page, the middle", &format!("page={deep}"), Cost::SameWithin(50.0)),
            ask("last page by change", &format!("sort=-updated_at&page={}", self.tickets / 25), Cost::SameWithin(50.0)),
            ask("deep page by number", &format!("sort=ticket_number&page={deep}"), Cost::SameWithin(50.0)),
            ask("deep page of a state", &format!("status=solved&page={}", deep / 2 + 1), Cost::Within(50.0)),
            ask("`q`, a word of few", "q=zeppelin", Cost::Within(20.0)),
            ask("`q`, two words of many that stand together in few", "q=invoice+missing+parcel", Cost::Within(20.0)),
            ask("`q`, a word of none", "q=xylophone", Cost::Within(20.0)),
            ask("`q`, a word of many", "q=refund", Cost::Within(300.0)),
            ask("`q`, two letters", "q=re", Cost::Within(300.0)),
            ask("`q`, one letter", "q=e", Cost::Within(300.0)),
            ask("`q` and state", "q=refund&status=open", Cost::Within(300.0)),
            ask("`updated_since`, half", &format!("updated_since={middle}"), Cost::Same),
            ask("`updated_since`, all", "updated_since=2001-01-01T00:00:00Z", Cost::Same),
            ask("`updated_since`, few", &format!("updated_since={late}"), Cost::Same),
            ask("`updated_since`, half, by change", &format!("updated_since={middle}&sort=updated_at"), Cost::Same),
            ask("`created_since`, half", &format!("created_since={middle}"), Cost::Same),
            ask("`assignee_id`, one of 20", &format!("assignee_id={agent}"), Cost::Same),
            ask("`assignee_id=none`", "assignee_id=none", Cost::Same),
            ask("`inbox_id`, rare", &format!("inbox_id={rare_inbox}"), Cost::Same),
            ask("`requester_email`", "requester_email=customer7@example.com", Cost::Same),
            ask("tag of many", "tag=billing", Cost::Same),
            ask("tag of few", "tag=vip", Cost::Same),
            ask(
                "an agent's open ones by change",
                &format!("assignee_id={agent}&status=open&sort=-updated_at"),
                Cost::Free,
            ),
            ask("state, tag and inbox", &format!("status=open,solved&tag=billing&inbox_id={inbox}"), Cost::Free),
        ];
        let sorts = ["-created_at", "created_at", "-updated_at", "updated_at", "-ticket_number", "ticket_number"];
        for filter in ["status=open", "status=pending", "status=solved", "priority=high", "priority=urgent"] {
            all.extend(
                sorts.map(|sort| ask(&format!("`{filter}` by `{sort}`"), &format!("{filter}&sort={sort}"), Cost::Same)),
            );
        }
        Ok(all)
    }

    /// The first page of a list, and a page by cursor from its middle.
    async fn by_cursor(&self, what: &str, query: &str) -> BoxResult<[Question; 2]> {
        let of = |query: String| Question { what: what.to_owned(), query, cost: Cost::Free };
        let meta = self.meta(&format!("{query}&page=1")).await?;
        let pages = meta["total_pages"].as_u64().ok_or("no number of pages")?;
        let meta = self.meta(&format!("{query}&page={}", (pages / 2).max(1))).await?;
        let cursor = meta["next_cursor"].as_str().ok_or("no page follows the middle")?;
        Ok([of(query.to_owned()), of(format!("{query}&cursor={cursor}"))])
    }

    async fn meta(&self, query: &str) -> BoxResult<Value> {
        let request = load::request("GET", &format!("/api/v1/tickets?{query}"), &self.tenant.key, None);
        let (_, body) = load::once(self.server.address, &request).await?;
        let body: Value = serde_json::from_slice(&body)?;
        Ok(body["meta"].clone())
    }

    /// When a ticket was opened.
    async fn opened(&self, number: u32) -> BoxResult<String> {
        let request = load::request("GET", &format!("/api/v1/tickets/{number}"), &self.tenant.key, None);
        let (_, body) = load::once(self.server.address, &request).await?;
        let body: Value = serde_json::from_slice(&body)?;
        Ok(body["data"]["created_at"].as_str().ok_or("no such ticket")?.to_owned())
    }

    async fn ask(&self, Question { what, query, .. }: &Question) -> BoxResult<PageTimes> {
        let request = load::request("GET", &format!("/api/v1/tickets?{query}"), &self.tenant.key, None);
        let mut stream = TcpStream::connect(self.server.address).await?;
        stream.set_nodelay(true)?;
        let mut times = Vec::new();
        let mut buffer = Vec::new();
        let mut total = 0;
        let begin = Instant::now();
        for n in 0..ASKED + WARM_UP {
            let asked = Instant::now();
            let (status, head) = load::call(&mut stream, &request, &mut buffer).await?;
            let took = asked.elapsed();
            if status != 200 {
                return Err(format!("{what}: {status} {}", String::from_utf8_lossy(&buffer)).into());
            }
            if n == 0 {
                let body: Value = serde_json::from_slice(&buffer[head..])?;
                total = body["meta"]["total"].as_u64().ok_or("no total")?;
            }
            if n >= WARM_UP {
                times.push(took);
            }
            if begin.elapsed() > LENGTH && !times.is_empty() {
                break;
            }
        }
        times.sort_unstable();
        Ok(PageTimes { p50: times[times.len() / 2], total, of: self.tickets })
    }
}
