// A simulated customer message, in development mode: as a new ticket or as an answer in one.

import { useState } from "react";
import { call, refresh } from "../api";
import { TicketDeskService } from "../gen/inboxops/admin/v1/ticket_desk_pb";
import type { Ticket } from "../gen/inboxops/v1/tickets_pb";
import { TicketService } from "../gen/inboxops/v1/tickets_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { Field, Text } from "../kit/field";
import { navigate } from "../kit/route";
import { Trouble } from "../kit/view";
import { InboxField, useInboxes } from "./new";

export function Simulate({ ticket, onClose, onSent }: { ticket?: Ticket; onClose: () => void; onSent?: () => void }) {
    const inboxes = useInboxes();
    const [inbox, setInbox] = useState("");
    const [email, setEmail] = useState(ticket?.requester?.email ?? "ada@example.com");
    const [subject, setSubject] = useState("");
    const [body, setBody] = useState("");
    const { run, busy, failure } = useAct(async () => {
        const place = ticket ? { ticketId: ticket.id } : { inboxId: inbox || inboxes[0]?.id, subject };
        const answer = await call(TicketDeskService.method.simulateInboundMessage, { ...place, fromEmail: email, bodyText: body });
        void refresh(TicketService.method.listTickets, TicketService.method.getTicket, TicketDeskService.method.listMessages);
        onClose();
        if (ticket) onSent?.();
        else navigate(`/tickets/${answer.ticket!.ticketNumber}?sent=1`);
    });
    return (
        <Confirm title="Simulate customer message" action="Send message" failure={failure} busy={busy} onConfirm={() => void run()} onClose={onClose}>
            {failure && failure.fields.size === 0 && <Trouble failure={failure} />}
            <p className="hint">Acts like an email from a customer. Works only in development mode.</p>
            {!ticket && <InboxField inboxes={inboxes} value={inbox} onChange={setInbox} error={failure?.field("inbox_id", "The inbox")} />}
            <Text label="From" type="email" value={email} onChange={setEmail} error={failure?.field("from_email", "The address")} />
            {!ticket && <Text label="Subject" autoFocus value={subject} onChange={setSubject} error={failure?.field("subject", "The subject")} />}
            <Field label="Message" error={failure?.field("body_text", "The message")}>
                {(props) => <textarea {...props} rows={5} value={body} autoFocus={!!ticket} onInput={(event) => setBody(event.currentTarget.value)} />}
            </Field>
        </Confirm>
    );
}
