// The tickets, newest first: a small list to cause events and to see them.

import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { AgentService } from "../gen/inboxops/v1/agents_pb";
import { TicketService } from "../gen/inboxops/v1/tickets_pb";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { useParameters } from "../kit/route";
import { Ago, count } from "../kit/time";
import { Empty, View } from "../kit/view";
import { useSession } from "../session/session";
import { NewTicket } from "./new";
import { Simulate } from "./simulate";
import { PRIORITY, STATUS, STATUSES, TicketBadge } from "./words";

const PER_PAGE = 25;
const REFRESH_MS = 10_000;

export function Tickets() {
    const session = useSession();
    const [parameters, setParameters] = useParameters();
    const page = Math.max(1, Number(parameters.get("page")) || 1);
    const chosen = STATUSES.filter((it) => parameters.get("status") === STATUS[it][0].toLowerCase());
    const q = parameters.get("q") ?? "";
    const list = useQuery(
        TicketService.method.listTickets,
        { page, perPage: PER_PAGE, status: chosen, q: q || undefined },
        { refetchInterval: REFRESH_MS },
    );
    const agents = useQuery(AgentService.method.listAgents, { perPage: 100 });
    const [making, setMaking] = useState<"ticket" | "message">();
    const tickets = list.data?.tickets ?? [];
    const meta = list.data?.meta;
    const open = !chosen.length && !q && page === 1;
    const add = (
        <>
            {session?.development && <button onClick={() => setMaking("message")}>Simulate customer message</button>}
            <button className="primary" onClick={() => setMaking("ticket")}>
                New ticket
            </button>
        </>
    );
    return (
        <Page title="Tickets" actions={(tickets.length > 0 || !open) && add}>
            <div className="filters" role="search" aria-label="Filter tickets">
                <select aria-label="Status" value={parameters.get("status") ?? ""} onChange={(event) => setParameters({ status: event.currentTarget.value || null, page: null })}>
                    <option value="">Any status</option>
                    {STATUSES.map((it) => (
                        <option key={it} value={STATUS[it][0].toLowerCase()}>
                            {STATUS[it][0]}
                        </option>
                    ))}
                </select>
                <form
                    onSubmit={(event) => {
                        event.preventDefault();
                        setParameters({ q: String(new FormData(event.currentTarget).get("q")).trim() || null, page: null });
                    }}
                >
                    <input key={q} type="search" name="q" aria-label="Subject contains" placeholder="Find in subjects" defaultValue={q} />
                </form>
            </div>
            <View
                query={list}
                what="tickets"
                empty={
                    tickets.length === 0 &&
                    (open ? (
                        <Empty title="No tickets yet." actions={add}>
                            Create one here, through the API or by email. Every change to it sends an event to your endpoints.
                        </Empty>
                    ) : (
                        <Empty title="No ticket matches." actions={<button onClick={() => setParameters({ status: null, q: null, page: null })}>Clear filters</button>} />
                    ))
                }
            >
                <div className="table" role="region" aria-label="Tickets" tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col" className="num">
                                    No.
                                </th>
                                <th scope="col">Subject</th>
                                <th scope="col">Status</th>
                                <th scope="col" className="wide">
                                    Priority
                                </th>
                                <th scope="col" className="wide">
                                    Assignee
                                </th>
                                <th scope="col" className="wide num">
                                    Updated
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {tickets.map((it) => (
                                <tr key={it.id}>
                                    <td className="num">{it.ticketNumber}</td>
                                    <td className="grow">
                                        <Link className="row-link" href={`/tickets/${it.ticketNumber}`}>
                                            {it.subject}
                                        </Link>
                                        {it.requester?.email && <span className="under">{it.requester.name || it.requester.email}</span>}
                                    </td>
                                    <td>
                                        <TicketBadge status={it.status} />
                                    </td>
                                    <td className="wide">{PRIORITY[it.priority]}</td>
                                    <td className="wide">{agents.data?.agents.find((of) => of.id === it.assigneeId)?.name ?? <span className="muted">Nobody</span>}</td>
                                    <td className="wide num">{it.updatedAt && <Ago at={it.updatedAt} />}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
                {meta?.totalPages !== undefined && meta.totalPages > 1 && (
                    <nav className="more" aria-label="Pages">
                        <button disabled={page <= 1} onClick={() => setParameters({ page: page > 2 ? String(page - 1) : null })}>
                            Newer
                        </button>
                        <span>
                            Page {page} of {meta.totalPages}, {count(meta.total, "ticket")}
                        </span>
                        <button disabled={!meta.hasMore} onClick={() => setParameters({ page: String(page + 1) })}>
                            Older
                        </button>
                    </nav>
                )}
            </View>
            {making === "ticket" && <NewTicket onClose={() => setMaking(undefined)} />}
            {making === "message" && <Simulate onClose={() => setMaking(undefined)} />}
        </Page>
    );
}
