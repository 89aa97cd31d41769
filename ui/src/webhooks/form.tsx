// The form of an endpoint, for a new one and for an edit.

import { useQuery } from "@connectrpc/connect-query";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { InboxService } from "../gen/inboxops/v1/inboxes_pb";
import { EndpointPayload, type WebhookEndpoint } from "../gen/inboxops/v1/webhooks_pb";
import type { Failure } from "../failure";
import { Confirm } from "../kit/dialog";
import { Check, Text, useFirstWrong } from "../kit/field";
import { leaveUnasked, useLeaveQuestion } from "../kit/route";
import { Trouble } from "../kit/view";
import { useSession } from "../session/session";
import { EventsField } from "./events_field";
import { HeadersField, type NewHeader } from "./headers_field";

export interface Draft {
    url: string;
    description: string;
    events: string[];
    inboxIds: string[];
    /** Null: those that are there stay. */
    headers: NewHeader[] | null;
    rate: string;
    thin: boolean;
}

export const draftOf = (endpoint?: WebhookEndpoint): Draft => ({
    url: endpoint?.url ?? "",
    description: endpoint?.description ?? "",
    events: endpoint?.events ?? ["*"],
    inboxIds: endpoint?.inboxIds ?? [],
    headers: endpoint?.headers.length ? null : [],
    rate: endpoint?.ratePerSecond?.toString() ?? "",
    thin: endpoint?.payload === EndpointPayload.THIN,
});

export const payloadOf = (draft: Draft) => (draft.thin ? EndpointPayload.THIN : EndpointPayload.FULL);

/** The rate as a number; undefined for none. What is no number goes to the server as 0, which it refuses in words. */
export const rateOf = (text: string) => (text.trim() === "" ? undefined : /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0);

interface Props {
    endpoint?: WebhookEndpoint;
    action: string;
    busy: boolean;
    failure?: Failure;
    onSubmit: (draft: Draft) => void;
    cancel?: ReactNode;
    /** What was saved is no longer unsaved. */
    saved: boolean;
}

const INBOXES_MAX = 100;
const FIELDS = ["url", "description", "events", "inbox_ids", "headers", "rate_per_second"];

export function EndpointForm({ endpoint, action, busy, failure, onSubmit, cancel, saved }: Props) {
    const first = useMemo(() => draftOf(endpoint), [endpoint]);
    const [draft, setDraft] = useState(first);
    const change = (changes: Partial<Draft>) => setDraft((it) => ({ ...it, ...changes }));
    const inboxes = useQuery(InboxService.method.listInboxes, { perPage: INBOXES_MAX });
    const form = useRef<HTMLFormElement>(null);
    const [leave, setLeave] = useState<() => void>();
    useLeaveQuestion(!saved && JSON.stringify(draft) !== JSON.stringify(first), (proceed) => setLeave(() => proceed));
    useFirstWrong(form, failure);
    const beside = failure && FIELDS.some((it) => failure.field(it, ""));
    const advanced = !!endpoint?.headers.length || !!draft.rate || draft.thin || !!failure?.field("headers", "") || !!failure?.field("rate_per_second", "");
    return (
        <form
            ref={form}
            noValidate
            className="sheet"
            onSubmit={(event) => {
                event.preventDefault();
                onSubmit(draft);
            }}
        >
            {failure && !beside && <Trouble failure={failure} />}
            <Text
                label="URL"
                type="url"
                inputMode="url"
                placeholder="https://example.com/hooks/inboxops"
                hint={`A public address that takes POST requests over https.${useSession()?.privateTargets ? " This server also takes addresses of its own machine, over http." : ""}`}
                value={draft.url}
                onChange={(url) => change({ url })}
                error={failure?.field("url", "The URL")}
                spellCheck="false"
                autoFocus={!endpoint}
            />
            <Text
                label="Description"
                optional
                hint="What this endpoint is for."
                value={draft.description}
                onChange={(description) => change({ description })}
                error={failure?.field("description", "The description")}
            />
            <EventsField value={draft.events} onChange={(events) => change({ events })} error={failure?.field("events", "Events")} />
            {(inboxes.data?.inboxes.length ?? 0) > 1 && (
                <fieldset>
                    <legend>Inboxes</legend>
                    <p className="hint">Only events of these inboxes. If none is chosen: of all inboxes, including new ones.</p>
                    <div className="columns">
                        {inboxes.data!.inboxes.map(({ id, name }) => (
                            <Check
                                key={id}
                                label={name}
                                checked={draft.inboxIds.includes(id)}
                                onChange={(on) => change({ inboxIds: on ? [...draft.inboxIds, id] : draft.inboxIds.filter((it) => it !== id) })}
                            />
                        ))}
                    </div>
                    <p className="error">{failure?.field("inbox_ids", "The inbox")}</p>
                </fieldset>
            )}
            <details open={advanced}>
                <summary>Advanced: headers, rate and size</summary>
                <HeadersField
                    kept={endpoint?.headers.map((it) => it.name) ?? []}
                    value={draft.headers}
                    onChange={(headers) => change({ headers })}
                    failure={failure}
                />
                <Text
                    label="Requests per second"
                    optional
                    hint="Highest rate to send at. Leave empty for no limit."
                    inputMode="numeric"
                    className="short"
                    value={draft.rate}
                    onChange={(rate) => change({ rate })}
                    error={failure?.field("rate_per_second", "The rate")}
                />
                <Check
                    label="Small bodies"
                    hint="Ids and links instead of whole tickets and messages, for receivers that accept only small bodies."
                    checked={draft.thin}
                    onChange={(thin) => change({ thin })}
                />
            </details>
            <div className="buttons start">
                <button className="primary" aria-disabled={busy}>
                    {action}
                </button>
                {cancel}
            </div>
            {leave && (
                <Confirm
                    title="Leave without saving?"
                    action="Discard changes"
                    cancel="Keep editing"
                    danger
                    onClose={() => setLeave(undefined)}
                    onConfirm={() => {
                        leaveUnasked();
                        leave();
                    }}
                >
                    <p>Your changes are not saved.</p>
                </Confirm>
            )}
        </form>
    );
}
