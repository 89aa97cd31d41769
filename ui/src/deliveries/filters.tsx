// The filters of the delivery log.

import { useQuery } from "@connectrpc/connect-query";
import { useEffect, useState } from "react";
import type { StatusCount } from "../gen/inboxops/v1/deliveries_pb";
import { type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { deliveryWord } from "../kit/status";
import { number } from "../kit/time";
import { endpointName } from "../webhooks/words";
import { isOpen, NO_FILTER, SPANS, STATUSES, type Filter } from "./filter";

interface Props {
    filter: Filter;
    set: (changes: Record<string, string | null>) => void;
    endpoints?: WebhookEndpoint[];
    counts?: StatusCount[];
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export function Filters({ filter, set, endpoints, counts }: Props) {
    const types = useQuery(WebhookService.method.listEventTypes, {}, { staleTime: Infinity });
    const [id, setId] = useState(filter.id);
    useEffect(() => setId(filter.id), [filter.id]);
    const wrong = id.trim() !== "" && !UUID.test(id.trim());
    const span = SPANS.find(([name]) => name === new URLSearchParams(location.search).get("since"))?.[0] ?? "";
    return (
        <div className="filters" role="search" aria-label="Filter deliveries">
            <div className="chips" role="group" aria-label="Status">
                {STATUSES.map(([word, status]) => {
                    const on = filter.status.includes(status);
                    return (
                        <button
                            key={word}
                            className="chip"
                            aria-pressed={on}
                            onClick={() => {
                                const next = STATUSES.filter(([, it]) => (it === status ? !on : filter.status.includes(it)));
                                set({ status: next.map(([it]) => it).join(",") || null });
                            }}
                        >
                            {deliveryWord(status)}
                            {counts && (
                                <span className="n">{number(counts.find((it) => it.status === status)?.count ?? 0)}</span>
                            )}
                        </button>
                    );
                })}
            </div>
            {endpoints && (
                <select aria-label="Endpoint" value={filter.endpointId} onChange={(event) => set({ endpoint: event.currentTarget.value || null })}>
                    <option value="">All endpoints</option>
                    {endpoints.map((it) => (
                        <option key={it.id} value={it.id}>
                            {endpointName(it)}
                        </option>
                    ))}
                </select>
            )}
            <select aria-label="Event" value={filter.event} onChange={(event) => set({ event: event.currentTarget.value || null })}>
                <option value="">All events</option>
                {(types.data?.eventTypes ?? []).map((it) => (
                    <option key={it.name}>{it.name}</option>
                ))}
            </select>
            <select aria-label="Time" value={span} onChange={(event) => set({ since: event.currentTarget.value || null })}>
                <option value="">Any time</option>
                {SPANS.map(([name, label]) => (
                    <option key={name} value={name}>
                        {label}
                    </option>
                ))}
            </select>
            <form
                onSubmit={(event) => {
                    event.preventDefault();
                    if (!wrong) set({ id: id.trim() || null });
                }}
            >
                <input
                    type="search"
                    aria-label="Id of a delivery or event"
                    placeholder="Delivery or event id"
                    value={id}
                    aria-invalid={wrong}
                    aria-describedby="id-wrong"
                    spellCheck="false"
                    onInput={(event) => {
                        setId(event.currentTarget.value);
                        if (!event.currentTarget.value) set({ id: null });
                    }}
                />
                <p id="id-wrong" className="error fine">
                    {wrong && "Enter a whole id, all 36 characters."}
                </p>
            </form>
            {(!isOpen(filter) || (endpoints && filter.endpointId)) && (
                <button className="small" onClick={() => set(NO_FILTER)}>
                    Clear filters
                </button>
            )}
        </div>
    );
}
