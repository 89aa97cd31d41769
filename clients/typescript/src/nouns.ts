// The calls by noun, over the generated ones.

import {
    type Agent,
    type AuditEntry,
    type AuditQuery,
    type Delivery,
    type DeliveryDetail,
    type DeliveryQuery,
    type EndpointDeliveryQuery,
    type EndpointStats,
    type EventType,
    type Inbox,
    type Message,
    type MessageQuery,
    type NewNote,
    type NewTag,
    type NewTicket,
    type NewWebhookEndpoint,
    type PageQuery,
    PATHS,
    type Recovery,
    type RecoveryOrder,
    type ResendOrder,
    type SecretRotation,
    type Tag,
    type TestOrder,
    type Ticket,
    type TicketChanges,
    type TicketQuery,
    type Undelivered,
    type UndeliveredQuery,
    type WebhookEndpoint,
    type WebhookEndpointChanges,
} from "./contract.js";
import type { Calls } from "./generated/calls.js";
import type { Http } from "./http.js";
import { Listing, type Page } from "./listing.js";
import type { CallOptions } from "./operation.js";

type Data<Item> = { data: Item };

/** What nouns are made of: the generated calls, and requests for what is not generated yet. */
class Noun {
    constructor(
        protected readonly calls: Calls,
        protected readonly http: Http,
    ) {}

    /** A list by a generated call. Its query may have members that the document does not have yet. */
    protected listed<Item>(query: PageQuery, read: (query: never) => Promise<unknown>): Listing<Item> {
        return new Listing(query, (it) => read(it as never) as Promise<Page<Item>>);
    }

    protected listedAt<Item>(
        path: string,
        query: PageQuery,
        options?: CallOptions,
        values?: Record<string, string>,
    ): Listing<Item> {
        return new Listing(query, (it) =>
            this.http.json<Page<Item>>({ method: "GET", path, values, query: it }, options),
        );
    }

    protected async posted<Item>(
        path: string,
        values: Record<string, string>,
        body?: unknown,
        options?: CallOptions,
    ): Promise<Item> {
        return (await this.http.json<Data<Item>>({ method: "POST", path, values, body }, options)).data;
    }
}

/** A ticket is named by its id or by its number. */
export type TicketId = string | number;
const ticketAt = (id: TicketId) => ({ ticket_id: String(id) });

export class Tickets extends Noun {
    list(query: TicketQuery = {}, options?: CallOptions): Listing<Ticket> {
        return this.listed(query, (it) => this.calls.listTickets({ query: it }, options));
    }

    async get(id: TicketId, options?: CallOptions): Promise<Ticket> {
        return (await this.calls.getTicket({ path: ticketAt(id) }, options)).data;
    }

    /** Mails nobody. */
    async create(body: NewTicket, options?: CallOptions): Promise<Ticket> {
        return (await this.calls.createTicket({ body }, options)).data;
    }

    async update(id: TicketId, body: TicketChanges, options?: CallOptions): Promise<Ticket> {
        return (await this.calls.updateTicket({ path: ticketAt(id), body }, options)).data;
    }

    /** The conversation, oldest first, without internal notes. */
    messages(id: TicketId, query: PageQuery = {}, options?: CallOptions): Listing<Message> {
        return this.listed(query, (it) => this.calls.listTicketMessages({ path: ticketAt(id), query: it }, options));
    }

    /** Adds an internal note, which no customer sees. */
    async addNote(id: TicketId, body: NewNote, options?: CallOptions): Promise<Message> {
        return (await this.calls.createTicketNote({ path: ticketAt(id), body }, options)).data;
    }

    tags(id: TicketId, query: PageQuery = {}, options?: CallOptions): Listing<Tag> {
        return this.listed(query, (it) => this.calls.listTicketTags({ path: ticketAt(id), query: it }, options));
    }

    /** Adds a tag by its id or its name; an unknown name makes the tag. */
    async addTag(id: TicketId, body: NewTag, options?: CallOptions): Promise<Tag> {
        return (await this.calls.addTicketTag({ path: ticketAt(id), body }, options)).data;
    }

    async removeTag(id: TicketId, tagId: string, options?: CallOptions): Promise<void> {
        await this.calls.removeTicketTag({ path: { ...ticketAt(id), tag_id: tagId } }, options);
    }
}

export class Messages extends Noun {
    /** The messages of all tickets, oldest first, without internal notes. */
    list(query: MessageQuery = {}, options?: CallOptions): Listing<Message> {
        return this.listedAt(PATHS.messages, query, options);
    }
}

export class Webhooks extends Noun {
    list(query: PageQuery = {}, options?: CallOptions): Listing<WebhookEndpoint> {
        return this.listed(query, (it) => this.calls.listWebhookEndpoints({ query: it }, options));
    }

    async get(id: string, options?: CallOptions): Promise<WebhookEndpoint> {
        return (await this.calls.getWebhookEndpoint({ path: { endpoint_id: id } }, options)).data;
    }

    /** The answer has the signing secret, this once. */
    async create(body: NewWebhookEndpoint, options?: CallOptions): Promise<WebhookEndpoint> {
        return (await this.calls.createWebhookEndpoint({ body }, options)).data;
    }

    async update(id: string, body: WebhookEndpointChanges, options?: CallOptions): Promise<WebhookEndpoint> {
        return (await this.calls.updateWebhookEndpoint({ path: { endpoint_id: id }, body }, options)).data;
    }

    async delete(id: string, options?: CallOptions): Promise<void> {
        await this.calls.deleteWebhookEndpoint({ path: { endpoint_id: id } }, options);
    }

    /** The answer has the new secret, this once. */
    async rotateSecret(id: string, body: SecretRotation = {}, options?: CallOptions): Promise<WebhookEndpoint> {
        return (await this.calls.rotateSecret({ path: { endpoint_id: id }, body }, options)).data;
    }

    async promoteSecret(id: string, options?: CallOptions): Promise<WebhookEndpoint> {
        return (await this.calls.promoteSecret({ path: { endpoint_id: id }, body: {} }, options)).data;
    }

    /** Sends a signed sample of an event, or `data` of your own. Its end is seen in the log of deliveries. */
    async test(id: string, body: TestOrder, options?: CallOptions): Promise<Delivery> {
        return (await this.calls.sendTestEvent({ path: { endpoint_id: id }, body }, options)).data;
    }

    async eventTypes(options?: CallOptions): Promise<EventType[]> {
        return (await this.calls.listEventTypes({}, options)).data;
    }

    deliveries(id: string, query: EndpointDeliveryQuery = {}, options?: CallOptions): Listing<Delivery> {
        return this.listed(query, (it) => this.calls.listDeliveries({ path: { endpoint_id: id }, query: it }, options));
    }

    /** Makes deliveries for every event since a time that never succeeded. */
    async recover(id: string, body: RecoveryOrder, options?: CallOptions): Promise<Recovery> {
        return (await this.calls.recoverDeliveries({ path: { endpoint_id: id }, body }, options)).data;
    }

    async recovery(id: string, recoveryId: string, options?: CallOptions): Promise<Recovery> {
        return (await this.calls.getRecovery({ path: { endpoint_id: id, recovery_id: recoveryId } }, options)).data;
    }

    /** Sends again what has one of these states. */
    resend(id: string, body: ResendOrder, options?: CallOptions): Promise<Recovery> {
        return this.posted(PATHS.resend, { endpoint_id: id }, body, options);
    }

    async stats(id: string, options?: CallOptions): Promise<EndpointStats> {
        const request = { method: "GET", path: PATHS.stats, values: { endpoint_id: id } };
        return (await this.http.json<Data<EndpointStats>>(request, options)).data;
    }

    undelivered(id: string, query: UndeliveredQuery = {}, options?: CallOptions): Listing<Undelivered> {
        return this.listedAt(PATHS.undelivered, query, options, { endpoint_id: id });
    }
}

export class Deliveries extends Noun {
    /** The log of all endpoints. */
    list(query: DeliveryQuery = {}, options?: CallOptions): Listing<Delivery> {
        return this.listedAt(PATHS.deliveries, query, options);
    }

    /** With its payload and attempts. */
    async get(id: string, options?: CallOptions): Promise<DeliveryDetail> {
        return (await this.calls.getDelivery({ path: { delivery_id: id } }, options)).data;
    }

    async resend(id: string, options?: CallOptions): Promise<Delivery> {
        return (await this.calls.resendDelivery({ path: { delivery_id: id } }, options)).data;
    }

    /** Stops its attempts. */
    cancel(id: string, options?: CallOptions): Promise<Delivery> {
        return this.posted(PATHS.cancel, { delivery_id: id }, undefined, options);
    }
}

export class Audit extends Noun {
    list(query: AuditQuery = {}, options?: CallOptions): Listing<AuditEntry> {
        return this.listedAt(PATHS.audit, query, options);
    }
}

export class Inboxes extends Noun {
    list(query: PageQuery = {}, options?: CallOptions): Listing<Inbox> {
        return this.listed(query, (it) => this.calls.listInboxes({ query: it }, options));
    }

    async get(id: string, options?: CallOptions): Promise<Inbox> {
        return (await this.calls.getInbox({ path: { inbox_id: id } }, options)).data;
    }
}

export class Tags extends Noun {
    list(query: PageQuery = {}, options?: CallOptions): Listing<Tag> {
        return this.listed(query, (it) => this.calls.listTags({ query: it }, options));
    }
}

export class Agents extends Noun {
    list(query: PageQuery = {}, options?: CallOptions): Listing<Agent> {
        return this.listed(query, (it) => this.calls.listAgents({ query: it }, options));
    }
}
