// The data of the log: the stream, the pages, and the order of reading them, so that no change is missed between them.

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { call } from "../api";
import { Failure } from "../failure";
import { DeliveryService } from "../gen/inboxops/v1/deliveries_pb";
import { fits, request, type Filter } from "./filter";
import { Rows } from "./rows";
import { useWatch } from "./watch";

const PER_PAGE = 50;
/** The list is read once the line is open, or after this time without it. */
const LINE_PATIENCE_MS = 1_200;

interface Pages {
    pending: boolean;
    fetching: boolean;
    older: boolean;
    failure?: Failure;
    more: boolean;
    cursor?: string;
    until?: Timestamp;
    /** When the newest data came. */
    at?: Date;
}

export function useLog(filter: Filter, scope: string | undefined, paused: boolean) {
    const [rows] = useState(() => new Rows());
    const [pages, setPages] = useState<Pages>({ pending: true, fetching: false, older: false, more: false });
    const key = JSON.stringify(filter);
    const current = useRef({ filter, turn: 0, reads: 0 });
    current.current.filter = filter;
    rows.fits = fits(filter);

    async function page(cursor?: string, until?: Timestamp) {
        const input = { ...request(current.current.filter), perPage: PER_PAGE, createdUntil: until, cursor };
        const { deliveries, meta } = await call(DeliveryService.method.listDeliveries, input);
        return { deliveries, more: !!meta?.hasMore, cursor: meta?.nextCursor, until };
    }

    async function read() {
        const turn = ++current.current.turn;
        current.current.reads++;
        rows.begin();
        setPages((it) => ({ ...it, fetching: true }));
        try {
            const { deliveries, ...rest } = await page();
            if (turn !== current.current.turn) return;
            rows.read(deliveries);
            setPages({ pending: false, fetching: false, older: false, at: new Date(), ...rest });
        } catch (error) {
            if (turn !== current.current.turn) return;
            setPages((it) => ({ ...it, fetching: false, pending: false, failure: Failure.of(error) }));
        }
    }

    async function loadOlder() {
        const turn = current.current.turn;
        const last = rows.shown.rows.at(-1)?.createdAt;
        setPages((it) => ({ ...it, older: true }));
        try {
            // Rows were cut off at the end: their cursor is lost, but not their time.
            const { deliveries, ...rest } = rows.shown.cut && last ? await page(undefined, { ...last, nanos: last.nanos + 1_000 }) : await page(pages.cursor, pages.until);
            if (turn !== current.current.turn) return;
            rows.extend(deliveries);
            setPages((it) => ({ ...it, older: false, failure: undefined, ...rest }));
        } catch (error) {
            setPages((it) => ({ ...it, older: false, failure: Failure.of(error) }));
        }
    }

    const line = useWatch(scope, paused, {
        news(deliveries) {
            rows.hear(deliveries);
        },
        fresh: () => void read(),
    });
    useEffect(() => {
        if (line === "live" || paused || current.current.reads > 0) {
            void read();
            return;
        }
        const before = current.current.reads;
        const timer = setTimeout(() => {
            if (current.current.reads === before) void read();
        }, LINE_PATIENCE_MS);
        return () => clearTimeout(timer);
    }, [key]);
    const shown = useSyncExternalStore(rows.subscribe, rows.snapshot);
    const query = {
        data: pages.at,
        error: pages.failure,
        isPending: pages.pending,
        isFetching: pages.fetching,
        refetch: read,
    };
    return { rows, shown, line, query, older: pages.older, more: pages.more || shown.cut, loadOlder, at: pages.at };
}
