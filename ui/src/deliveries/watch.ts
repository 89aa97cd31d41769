// The stream of changes from the server. Silence, disconnects and hidden tabs are handled here; the caller decides what
// to do with the changes.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useRef, useState } from "react";
import { session, streams } from "../api";
import { type Delivery, DeliveryService, WatchDeliveriesRequestSchema } from "../gen/inboxops/v1/deliveries_pb";
import { StreamSignal } from "../gen/inboxops/v1/page_pb";

/** Heartbeats come every 15 s: two may be lost before the line is held for dead. */
const SILENCE_MS = 40_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;

export type Line = "connecting" | "live" | "reconnecting" | "offline" | "paused" | "refused";

interface Hears {
    news: (deliveries: Delivery[]) => void;
    /** From now on no change is missed, but some before may have been: read the list. */
    fresh: () => void;
}

async function watch(endpointId: string | undefined, cursor: string | undefined, signal: AbortSignal) {
    const request = create(WatchDeliveriesRequestSchema, { endpointId, cursor });
    const input = (async function* () {
        yield request;
    })();
    return (await streams.stream(DeliveryService.method.watchDeliveries, signal, undefined, undefined, input)).message;
}

export function useWatch(endpointId: string | undefined, paused: boolean, hears: Hears): Line {
    const [line, setLine] = useState<Line>("connecting");
    const hear = useRef(hears);
    hear.current = hears;
    useEffect(() => {
        if (paused) {
            setLine("paused");
            return;
        }
        let over = false;
        let refused = false;
        let failures = 0;
        let cursor: string | undefined;
        let current: AbortController | undefined;
        let retry = 0;
        let opened = 0;

        async function open() {
            clearTimeout(retry);
            if (over || document.hidden || current) return;
            const own = new AbortController();
            current = own;
            let watchdog = 0;
            const alive = () => {
                clearTimeout(watchdog);
                watchdog = window.setTimeout(() => own.abort(), SILENCE_MS);
            };
            alive();
            setLine(navigator.onLine ? (opened ? "reconnecting" : "connecting") : "offline");
            const resumed = cursor !== undefined;
            try {
                for await (const message of await watch(endpointId, cursor, own.signal)) {
                    alive();
                    if (message.cursor) cursor = message.cursor;
                    if (message.signal === StreamSignal.SUBSCRIBED) {
                        failures = 0;
                        opened++;
                        setLine("live");
                        if (!resumed) hear.current.fresh();
                    }
                    if (message.deliveries.length) hear.current.news(message.deliveries);
                }
            } catch (error) {
                const { code } = ConnectError.from(error);
                // Too old, or from another server: begin again, and read the list.
                if (code === Code.OutOfRange || code === Code.InvalidArgument) cursor = undefined;
                if (code === Code.PermissionDenied || code === Code.Unauthenticated || code === Code.Unimplemented) refused = over = true;
                if (code === Code.Unauthenticated) session.dispatchEvent(new Event("signed-out"));
            }
            clearTimeout(watchdog);
            if (current === own) current = undefined;
            if (refused) return setLine("refused");
            if (over) return;
            if (document.hidden) return;
            setLine(navigator.onLine && failures < 2 ? "reconnecting" : "offline");
            const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** failures++);
            retry = window.setTimeout(() => void open(), wait * (0.5 + Math.random() / 2));
        }
        function look() {
            if (document.hidden) {
                clearTimeout(retry);
                current?.abort();
                current = undefined;
            } else {
                failures = 0;
                void open();
            }
        }
        const online = () => {
            failures = 0;
            void open();
        };
        const offline = () => {
            current?.abort();
            setLine("offline");
        };
        document.addEventListener("visibilitychange", look);
        addEventListener("online", online);
        addEventListener("offline", offline);
        void open();
        return () => {
            over = true;
            clearTimeout(retry);
            current?.abort();
            document.removeEventListener("visibilitychange", look);
            removeEventListener("online", online);
            removeEventListener("offline", offline);
        };
    }, [endpointId, paused]);
    return line;
}
