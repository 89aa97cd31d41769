// Tickets in words.

import { TicketPriority, TicketStatus } from "../gen/inboxops/v1/tickets_pb";
import { Badge, type Tone } from "../kit/status";
import type { IconName } from "../kit/icon";

export const STATUS: Record<TicketStatus, [string, IconName, Tone]> = {
    [TicketStatus.UNSPECIFIED]: ["Unknown", "clock", "calm"],
    [TicketStatus.OPEN]: ["Open", "inbox", "calm"],
    [TicketStatus.PENDING]: ["Pending", "clock", "calm"],
    [TicketStatus.SOLVED]: ["Solved", "check", "ok"],
    [TicketStatus.CLOSED]: ["Closed", "stop", "calm"],
};
export const STATUSES = [TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.SOLVED, TicketStatus.CLOSED];

export const PRIORITY: Record<TicketPriority, string> = {
    [TicketPriority.UNSPECIFIED]: "Unknown",
    [TicketPriority.LOW]: "Low",
    [TicketPriority.NORMAL]: "Normal",
    [TicketPriority.HIGH]: "High",
    [TicketPriority.URGENT]: "Urgent",
};
export const PRIORITIES = [TicketPriority.LOW, TicketPriority.NORMAL, TicketPriority.HIGH, TicketPriority.URGENT];

export function TicketBadge({ status }: { status: TicketStatus }) {
    const [word, icon, tone] = STATUS[status];
    return (
        <Badge icon={icon} tone={tone}>
            {word}
        </Badge>
    );
}
