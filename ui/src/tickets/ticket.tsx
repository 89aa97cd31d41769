// One ticket: its state, its tags, its messages; after a change, the events that it sent.

import { useQuery } from "@connectrpc/connect-query";
import { useEffect, useState } from "react";
import { Missing } from "../app";
import { call, refresh } from "../api";
import { Failure } from "../failure";
import { type TicketEvent, TicketDeskService } from "../gen/inboxops/admin/v1/ticket_desk_pb";
import { AgentService } from "../gen/inboxops/v1/agents_pb";
import { AuthorType, MessageService, type Message, MessageType } from "../gen/inboxops/v1/messages_pb";
import { TagService } from "../gen/inboxops/v1/tags_pb";
import { type Ticket, TicketService } from "../gen/inboxops/v1/tickets_pb";
import { useAct } from "../kit/act";
import { Field } from "../kit/field";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { useParameters } from "../kit/route";
import { Ago, count } from "../kit/time";
import { Trouble, View } from "../kit/view";
import { useSession } from "../session/session";
import { Simulate } from "./simulate";
import { PRIORITIES, PRIORITY, STATUS, STATUSES, TicketBadge } from "./words";

const REFRESH_MS = 10_000;
const MESSAGES = 100;

export function TicketPage({ number }: { number: string }) {
    const session = useSession();
    const [parameters] = useParameters();
    const query = useQuery(TicketService.method.getTicket, { ticketId: number }, { refetchInterval: REFRESH_MS });
    const ticket = query.data?.ticket;
    const [simulating, setSimulating] = useState(false);
    const [sent, setSent] = useState<TicketEvent[]>([]);
    /** Asks what the change just made sent; the newest group of events is its own. */
    const tell = async () => {
        const { events } = await call(TicketDeskService.method.listTicketEvents, { ticketId: number });
        setSent(events.filter((it) => it.groupId === events[0]!.groupId));
    };
    const act = useAct(async (change: () => Promise<unknown>) => {
        await change();
        await Promise.all([refresh(TicketService.method.getTicket, TicketService.method.listTickets, TicketDeskService.method.listMessages), tell()]);
    });
    /** A note sends nothing. */
    const noted = () => {
        setSent([]);
        void refresh(TicketService.method.getTicket, TicketDeskService.method.listMessages);
    };
    useEffect(() => {
        if (parameters.has("sent")) void act.run(async () => undefined);
    }, []);
    if (query.error && ["TICKET_NOT_FOUND", "VALIDATION_FAILED", "INVALID_PARAMETER"].includes(Failure.of(query.error).reason)) return <Missing what="ticket" />;
    return (
        <Page
            title={ticket?.subject ?? "Ticket"}
            windowTitle={ticket ? `#${ticket.ticketNumber} ${ticket.subject}` : "Ticket"}
            back={{ to: "/tickets", label: "Tickets" }}
            lead={
                ticket && (
                    <>
                        <TicketBadge status={ticket.status} /> #{ticket.ticketNumber}
                        {ticket.requester && ` from ${ticket.requester.name || ticket.requester.email}`}
                    </>
                )
            }
            actions={ticket && session?.development && <button onClick={() => setSimulating(true)}>Simulate customer message</button>}
        >
            <Sent events={sent} />
            {act.failure && <Trouble failure={act.failure} />}
            <View query={query} what="the ticket">
                {ticket && (
                    <div className="split">
                        <div>
                            <Messages number={number} />
                            <Note number={number} onDone={noted} />
                        </div>
                        <Properties ticket={ticket} change={(it) => void act.run(it)} />
                    </div>
                )}
            </View>
            {simulating && ticket && <Simulate ticket={ticket} onClose={() => setSimulating(false)} onSent={() => void act.run(async () => undefined)} />}
        </Page>
    );
}

function Sent({ events }: { events: TicketEvent[] }) {
    return (
        <div role="status">
            {events.length > 0 && (
                <div className="banner calm">
                    <div className="grow">
                        {events.map((it) => (
                            <p key={it.id}>
                                {it.endpoints ? (
                                    <>
                                        Sent <code>{it.type}</code> to {count(it.endpoints, "endpoint")}
                                    </>
                                ) : (
                                    <>
                                        <code>{it.type}</code>: no endpoint asked for it
                                    </>
                                )}
                            </p>
                        ))}
                    </div>
                    {events.some((it) => it.endpoints) && (
                        <Link className="button" href={`/settings/deliveries?id=${events.find((it) => it.endpoints)!.id}`}>
                            View deliveries
                        </Link>
                    )}
                </div>
            )}
        </div>
    );
}

function Properties({ ticket, change }: { ticket: Ticket; change: (act: () => Promise<unknown>) => void }) {
    const agents = useQuery(AgentService.method.listAgents, { perPage: 100 });
    const [tag, setTag] = useState("");
    const update = (path: string, values: object) =>
        change(() => call(TicketService.method.updateTicket, { ticketId: ticket.id, ticket: values, updateMask: { paths: [path] } }));
    return (
        <aside className="card" aria-label="Properties">
            <Field label="Status">
                {(props) => (
                    <select {...props} value={String(ticket.status)} onChange={(event) => update("status", { status: Number(event.currentTarget.value) })}>
                        {STATUSES.map((it) => (
                            <option key={it} value={it}>
                                {STATUS[it][0]}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
            <Field label="Priority">
                {(props) => (
                    <select {...props} value={String(ticket.priority)} onChange={(event) => update("priority", { priority: Number(event.currentTarget.value) })}>
                        {PRIORITIES.map((it) => (
                            <option key={it} value={it}>
                                {PRIORITY[it]}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
            <Field label="Assignee">
                {(props) => (
                    <select
                        {...props}
                        value={ticket.assigneeId ?? ""}
                        onChange={(event) => update("assignee_id", { assigneeId: event.currentTarget.value || undefined })}
                    >
                        <option value="">Nobody</option>
                        {agents.data?.agents.map(({ id, name }) => (
                            <option key={id} value={id}>
                                {name}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
            <form
                onSubmit={(event) => {
                    event.preventDefault();
                    if (!tag.trim()) return;
                    change(() => call(TagService.method.addTicketTag, { ticketId: ticket.id, tagName: tag }));
                    setTag("");
                }}
            >
                <Field label="Tags">
                    {(props) => (
                        <>
                            {ticket.tags.length > 0 && (
                                <ul className="tags">
                                    {ticket.tags.map(({ id, name }) => (
                                        <li key={id} className="pill">
                                            {name}
                                            <button
                                                type="button"
                                                className="quiet tiny"
                                                aria-label={`Remove tag ${name}`}
                                                onClick={() => change(() => call(TagService.method.removeTicketTag, { ticketId: ticket.id, tagId: id }))}
                                            >
                                                ×
                                            </button>
                                        </li>
                                    ))}
                                </ul>
                            )}
                            <input {...props} value={tag} placeholder="Add a tag" onInput={(event) => setTag(event.currentTarget.value)} />
                        </>
                    )}
                </Field>
            </form>
        </aside>
    );
}

function Messages({ number }: { number: string }) {
    const query = useQuery(TicketDeskService.method.listMessages, { ticketId: number, perPage: MESSAGES }, { refetchInterval: REFRESH_MS });
    const messages = query.data?.messages ?? [];
    return (
        <section aria-label="Messages">
            <View query={query} what="messages" empty={messages.length === 0 && <p className="messages muted">Nobody has written yet.</p>}>
                <ol className="messages">
                    {messages.map((it) => (
                        <Said key={it.id} message={it} />
                    ))}
                </ol>
            </View>
        </section>
    );
}

const KIND: Record<MessageType, string> = {
    [MessageType.UNSPECIFIED]: "",
    [MessageType.INBOUND]: "wrote",
    [MessageType.OUTBOUND]: "answered",
    [MessageType.INTERNAL_NOTE]: "noted",
};

/** A mail that came a while after it was sent, from an archive or over a server that was away. */
const LATE_SECS = 300n;

function Said({ message }: { message: Message }) {
    const { author, createdAt, sentAt } = message;
    const late = sentAt && createdAt && createdAt.seconds - sentAt.seconds > LATE_SECS;
    const name = author?.name || author?.email || (author?.type === AuthorType.SYSTEM ? "InboxOps" : "Somebody");
    return (
        <li className={message.type === MessageType.INTERNAL_NOTE ? "note" : undefined}>
            <p className="fine">
                <strong>{name}</strong> {KIND[message.type]} {createdAt && <Ago at={late ? sentAt : createdAt} />}
                {late && (
                    <>
                        , recorded <Ago at={createdAt} />
                    </>
                )}
                {message.type === MessageType.INTERNAL_NOTE && <span className="pill">internal</span>}
            </p>
            <p className="said">{message.bodyText}</p>
        </li>
    );
}

function Note({ number, onDone }: { number: string; onDone: () => void }) {
    const [body, setBody] = useState("");
    const { run, busy, failure } = useAct(async () => {
        await call(MessageService.method.createTicketNote, { ticketId: number, bodyText: body });
        setBody("");
        onDone();
    });
    return (
        <form
            className="card"
            onSubmit={(event) => {
                event.preventDefault();
                void run();
            }}
        >
            {failure && failure.fields.size === 0 && <Trouble failure={failure} />}
            <Field label="Internal note" hint="Only agents see it." error={failure?.field("body_text", "The note")}>
                {(props) => <textarea {...props} rows={3} value={body} onInput={(event) => setBody(event.currentTarget.value)} />}
            </Field>
            <div className="buttons start">
                <button aria-disabled={busy}>Add note</button>
            </div>
        </form>
    );
}
