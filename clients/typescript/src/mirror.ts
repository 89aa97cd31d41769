// A mirror of a workspace: the export, then the events. Changes come at least once; `version` drops what is stale.

import type { ExportType, Inbox, Message, ResourceType, Resources, Ticket, WebhookEvent } from "./contract.js";
import type { Inboxops } from "./client.js";
import { InboxopsError } from "./error.js";
import { type EventsOptions, listed } from "./events.js";
import { sleep } from "./retry.js";
import type { MirrorState, MirrorStore } from "./store.js";

const LINES_UNSAVED_MAX = 500;
const FRESH_MS = 60_000;
const LOOKS_MAX = 10;
const LOOK_MS = 1_000;

export interface MirrorOptions extends Pick<EventsOptions, "transport" | "pollMs"> {
    /** What to mirror; by default all that the key may read. Another choice than before begins again. */
    types?: readonly ExportType[];
    /** Ends it. The promise then resolves. */
    signal?: AbortSignal;
    /** Ends it when it has caught up with the events of now, as for a nightly run. */
    once?: boolean;
    /** Is told of every resource that was put. */
    onChange?: (type: ResourceType, resource: Resources[ResourceType]) => void;
    /** Is told when the export is whole, or was already. */
    onExported?: () => void;
}

export async function mirror(client: Inboxops, store: MirrorStore, options: MirrorOptions): Promise<void> {
    try {
        await kept(client, store, options);
    } catch (error) {
        if (!options.signal?.aborted) throw error;
    }
}

async function kept(client: Inboxops, store: MirrorStore, options: MirrorOptions): Promise<void> {
    const types = options.types ?? null;
    const begun = (round: number): MirrorState => ({ round, types, exportCursor: null, eventsCursor: null });
    const kept = await store.load();
    let state = kept && isSame(kept.types, types) ? kept : begun((kept?.round ?? 0) + 1);
    for (let isNew = state !== kept; ; isNew = true) {
        const mirror = new Mirror(client, store, state, options);
        try {
            return await mirror.run();
        } catch (error) {
            const isOld = error instanceof InboxopsError && error.code === "cursor_expired";
            if (!isOld || (isNew && mirror.isFresh)) throw error;
            // Events that are no longer kept, or a server that was restored from a backup: only a new export heals it.
            state = begun(state.round + 1);
            await store.save(state);
        }
    }
}

function isSame(left: readonly string[] | null, right: readonly string[] | null): boolean {
    const sorted = (types: readonly string[] | null) => JSON.stringify(types && [...types].sort());
    return sorted(left) === sorted(right);
}

class Mirror {
    private exportedAt = Infinity;
    /** Ids that lists were searched for, so that one that is gone is not searched for with every event. */
    private readonly sought = new Set<string>();
    /** What the key may not list. */
    private readonly denied = new Set<ExportType>();

    constructor(
        private readonly client: Inboxops,
        private readonly store: MirrorStore,
        private state: MirrorState,
        private readonly options: MirrorOptions,
    ) {}

    /** Whether its cursors are so new that a server which calls them too old would do so for ever. */
    get isFresh(): boolean {
        return this.state.exportCursor === null && Date.now() - this.exportedAt < FRESH_MS;
    }

    async run(): Promise<void> {
        if (this.state.eventsCursor === null) await this.export();
        this.exportedAt = Date.now();
        this.options.onExported?.();
        for await (const { cursor, event } of this.events(this.state.eventsCursor ?? "")) {
            await this.take(event);
            await this.save({ eventsCursor: cursor });
        }
    }

    private async export(): Promise<void> {
        const { types, exportCursor } = this.state;
        const { signal } = this.options;
        let unsaved = 0;
        try {
            const after = exportCursor === null ? {} : { after: exportCursor };
            for await (const line of this.client.export({
                ...(types && { types }),
                ...after,
                ...(signal && { signal }),
            })) {
                if (line.type === "end") {
                    await this.store.removeBefore(this.state.round);
                    unsaved = 0;
                    await this.save({ exportCursor: null, eventsCursor: line.events_cursor });
                    return;
                }
                await this.put(line.type, line.data);
                this.state = { ...this.state, exportCursor: line.cursor };
                if (++unsaved < LINES_UNSAVED_MAX) continue;
                unsaved = 0;
                await this.save({});
            }
        } finally {
            if (unsaved) await this.save({});
        }
    }

    private events(after: string) {
        const { signal, transport, pollMs, once } = this.options;
        const options = { after, types: this.eventTypes(), ...(signal && { signal }) };
        if (once) return listed(this.client.calls, after, options);
        return this.client.events({ ...options, ...(transport && { transport }), ...(pollMs && { pollMs }) });
    }

    /** Tickets name tags, inboxes and agents, so their events come in any case. */
    private eventTypes(): string[] {
        const names = ["ticket.created", "ticket.updated"];
        if (this.has("messages")) names.push("message.*");
        if (this.has("inboxes")) names.push("inbox.error");
        return names;
    }

    private has(type: ExportType): boolean {
        return this.state.types?.includes(type) ?? true;
    }

    private async take(event: WebhookEvent): Promise<void> {
        const data = event.data as { ticket?: Ticket; message?: Message; inbox?: Inbox };
        if (data.ticket) {
            await this.companions(data.ticket);
            if (this.has("tickets")) await this.put("ticket", data.ticket);
        }
        if (data.message && this.has("messages")) await this.put("message", await this.whole(data.message));
        if (data.inbox && this.has("inboxes")) await this.put("inbox", data.inbox);
    }

    /** What a ticket names and no event tells of: tags, inboxes and agents that came after the export. */
    private async companions(ticket: Ticket): Promise<void> {
        const { tags, inboxes, agents } = this.client;
        for (const { id } of ticket.tags) await this.find("tags", "tag", id, () => tags.list());
        await this.find("inboxes", "inbox", ticket.inbox_id, () => inboxes.list());
        if (ticket.assignee_id) await this.find("agents", "agent", ticket.assignee_id, () => agents.list());
    }

    private async find<Type extends ResourceType>(
        types: ExportType,
        type: Type,
        id: string,
        list: () => AsyncIterable<Resources[Type]>,
    ) {
        if (!this.has(types) || this.sought.has(id) || (await this.store.get(type, id))) return;
        this.sought.add(id);
        for await (const one of this.allowed(types, list())) await this.put(type, one);
    }

    /** Events cut long texts. The message as the list of them has it, once it does, if the key may read it. */
    private async whole(message: Message): Promise<Message> {
        if (!message.truncated) return message;
        const known = await this.store.get("message", message.id);
        if (known && known.round === this.state.round && !known.resource.truncated) return known.resource;
        const query = { ticket_id: [message.ticket_id], created_since: message.created_at };
        // A message is listed when all older writes have ended, which may be a little after its event.
        for (let number = 0; number < LOOKS_MAX && !this.denied.has("messages"); number++) {
            if (number) await sleep(LOOK_MS, this.options.signal);
            const list = this.allowed("messages", this.client.messages.list(query));
            for await (const one of list) if (one.id === message.id) return one;
        }
        return message;
    }

    /** A list, or nothing if the key may not read it. */
    private async *allowed<Item>(types: ExportType, list: AsyncIterable<Item>): AsyncGenerator<Item, void> {
        try {
            if (!this.denied.has(types)) yield* list;
        } catch (error) {
            if (!(error instanceof InboxopsError) || error.status !== 403) throw error;
            this.denied.add(types);
        }
    }

    private async put<Type extends ResourceType>(type: Type, resource: Resources[Type]): Promise<void> {
        const known = await this.store.get(type, resource.id);
        // What an earlier round left may come from another history of the server: it never wins.
        if (known?.round === this.state.round && isStale(type, resource, known.resource)) return;
        await this.store.put(type, resource, this.state.round);
        this.options.onChange?.(type, resource);
    }

    private async save(changes: Partial<MirrorState>): Promise<void> {
        this.state = { ...this.state, ...changes };
        await this.store.save(this.state);
    }
}

/** Whether the one that is kept is at least as new. */
function isStale(type: ResourceType, resource: Resources[ResourceType], known: Resources[ResourceType]): boolean {
    if (type === "ticket") return (known as Ticket).version >= (resource as Ticket).version;
    // A message never changes, but an event may have cut it.
    if (type === "message") return !(known as Message).truncated || (resource as Message).truncated;
    if (type === "inbox") return (known as Inbox).updated_at > (resource as Inbox).updated_at;
    return false;
}
