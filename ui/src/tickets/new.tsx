// Opening a ticket.

import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { call, refresh } from "../api";
import { InboxService, InboxStatus } from "../gen/inboxops/v1/inboxes_pb";
import { TicketPriority, TicketService } from "../gen/inboxops/v1/tickets_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { Field, Text } from "../kit/field";
import { navigate } from "../kit/route";
import { Trouble } from "../kit/view";
import { PRIORITIES, PRIORITY } from "./words";

export function useInboxes() {
    const inboxes = useQuery(InboxService.method.listInboxes, { perPage: 100 }).data?.inboxes ?? [];
    return inboxes.filter((it) => it.status !== InboxStatus.DISABLED);
}

export function NewTicket({ onClose }: { onClose: () => void }) {
    const inboxes = useInboxes();
    const [subject, setSubject] = useState("");
    const [inbox, setInbox] = useState("");
    const [priority, setPriority] = useState(TicketPriority.NORMAL);
    const { run, busy, failure } = useAct(async () => {
        const { ticket } = await call(TicketService.method.createTicket, { subject, inboxId: inbox || inboxes[0]?.id, priority });
        void refresh(TicketService.method.listTickets);
        onClose();
        navigate(`/tickets/${ticket!.ticketNumber}?sent=1`);
    });
    return (
        <Confirm title="New ticket" action="Create ticket" failure={failure} busy={busy} onConfirm={() => void run()} onClose={onClose}>
            {failure && failure.fields.size === 0 && <Trouble failure={failure} />}
            <Text label="Subject" value={subject} onChange={setSubject} error={failure?.field("subject", "The subject")} autoFocus />
            <InboxField inboxes={inboxes} value={inbox} onChange={setInbox} error={failure?.field("inbox_id", "The inbox")} />
            <Field label="Priority">
                {(props) => (
                    <select {...props} value={String(priority)} onChange={(event) => setPriority(Number(event.currentTarget.value))}>
                        {PRIORITIES.map((it) => (
                            <option key={it} value={it}>
                                {PRIORITY[it]}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
        </Confirm>
    );
}

interface InboxProps {
    inboxes: { id: string; name: string }[];
    value: string;
    onChange: (id: string) => void;
    error?: string;
}

export function InboxField({ inboxes, value, onChange, error }: InboxProps) {
    return (
        <Field label="Inbox" error={error}>
            {(props) => (
                <select {...props} value={value || inboxes[0]?.id} onChange={(event) => onChange(event.currentTarget.value)}>
                    {inboxes.map(({ id, name }) => (
                        <option key={id} value={id}>
                            {name}
                        </option>
                    ))}
                </select>
            )}
        </Field>
    );
}
