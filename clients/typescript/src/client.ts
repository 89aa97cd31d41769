// The client: one object for a server and a key.

import type { ExportLine } from "./contract.js";
import { type EventsOptions, type ReceivedEvent, follow } from "./events.js";
import { type ExportOptions, exported } from "./export.js";
import { Calls, OPERATIONS, type OperationId } from "./generated/calls.js";
import { type ClientOptions, Http } from "./http.js";
import { type MirrorOptions, mirror } from "./mirror.js";
import { Agents, Audit, Deliveries, Inboxes, Messages, Tags, Tickets, Webhooks } from "./nouns.js";
import type { AnswerOf, CallOptions, RequestOf } from "./operation.js";
import type { MirrorStore } from "./store.js";

/** Makes the generated calls. */
class HttpCalls extends Calls {
    constructor(private readonly http: Http) {
        super();
    }

    protected override call<Id extends OperationId>(id: Id, request: RequestOf<Id>, options?: CallOptions) {
        const {
            path: values,
            query,
            body,
        } = request as { path?: Record<string, string>; query?: object; body?: unknown };
        return this.http.json<AnswerOf<Id>>({ ...OPERATIONS[id], values, query, body }, options);
    }
}

export class Inboxops {
    /** Every operation of the API, by its name in the OpenAPI document, with whole bodies. */
    readonly calls: Calls;
    readonly tickets: Tickets;
    readonly messages: Messages;
    readonly tags: Tags;
    readonly inboxes: Inboxes;
    readonly agents: Agents;
    readonly webhooks: Webhooks;
    readonly deliveries: Deliveries;
    readonly audit: Audit;
    private readonly http: Http;

    constructor(options: ClientOptions) {
        const http = (this.http = new Http(options));
        const calls = (this.calls = new HttpCalls(http));
        this.tickets = new Tickets(calls, http);
        this.messages = new Messages(calls, http);
        this.tags = new Tags(calls, http);
        this.inboxes = new Inboxes(calls, http);
        this.agents = new Agents(calls, http);
        this.webhooks = new Webhooks(calls, http);
        this.deliveries = new Deliveries(calls, http);
        this.audit = new Audit(calls, http);
    }

    /** The key, its workspace, and what they may do. */
    async me(options?: CallOptions) {
        return (await this.calls.whoAmI({}, options)).data;
    }

    /**
     * Events as they happen, each at least once. It reconnects by itself and goes on where it was, until the loop is
     * left or the signal ends it. A cursor that is too old fails with 410 `cursor_expired`.
     */
    events(options: EventsOptions = {}): AsyncGenerator<ReceivedEvent, void> {
        return follow(this.http, this.calls, options);
    }

    /** All resources, line by line; the last line is `end`. A stream that breaks off is gone on with by itself. */
    export(options: ExportOptions = {}): AsyncGenerator<ExportLine, void> {
        return exported(this.http, options);
    }

    /**
     * Keeps a store like the workspace: reads the export, then follows the events. When it is called again, it goes on
     * where the store's state says. What a store gets it may get again; it is never older than what it has.
     */
    mirror(store: MirrorStore, options: MirrorOptions = {}): Promise<void> {
        return mirror(this, store, options);
    }
}
