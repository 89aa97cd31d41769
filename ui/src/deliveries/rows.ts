// The rows of the log: pages and streamed changes, merged by revision. Pure except for the timer that collects changes.

import type { Delivery } from "../gen/inboxops/v1/deliveries_pb";

/** News are gathered for so long and shown together. */
const GATHER_MS = 80;
/** In a flood they are gathered longer: nobody reads so fast, and the page stays quick. */
const FLOOD_GATHER_MS = 140;
const FLOOD_ROWS = 8;
/** Rows that may come by themselves above those that the reader asked for; the oldest go first. */
const STREAMED_MAX = 50;
/** Of rows that are held back no more are kept than would be shown. */
const HELD_MAX = 1_000;

const newer = (a: Delivery, b: Delivery) => (a.revision >= b.revision ? a : b);
const time = ({ createdAt }: Delivery) => (createdAt ? Number(createdAt.seconds) * 1e6 + Math.floor(createdAt.nanos / 1e3) : 0);
const order = (a: Delivery, b: Delivery) => time(b) - time(a) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

export interface Shown {
    rows: Delivery[];
    /** New deliveries that wait for the reader. */
    held: number;
    /** Rows were dropped from the end: older ones are read again by time. */
    cut: boolean;
}

export class Rows {
    shown: Shown = { rows: [], held: 0, cut: false };
    #held = new Map<string, Delivery>();
    #heard = new Set<string>();
    #lost = 0;
    #news: Delivery[] = [];
    #asked = 0;
    #flood = false;
    #timer = 0;
    #listeners = new Set<() => void>();
    /** Whether a streamed delivery belongs into this log. */
    fits: (delivery: Delivery) => boolean = () => true;
    /** Whether new rows must wait, because the reader is busy with those that are there. */
    busy: () => boolean = () => false;

    subscribe = (listener: () => void) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
    };
    snapshot = () => this.shown;

    /** A first page will be asked for: what streams in from now on may be missing in it. */
    begin() {
        this.#heard.clear();
    }

    /** The first page has come. */
    read(page: Delivery[]) {
        this.#asked = page.length;
        const rows = this.shown.rows.filter((it) => this.#heard.has(it.id) && this.fits(it));
        this.#show(merge(rows, page), false);
    }

    /** An older page. */
    extend(page: Delivery[]) {
        const rows = merge(this.shown.rows, page);
        this.#asked = rows.length;
        this.#show(rows, false);
    }

    hear(deliveries: Delivery[]) {
        this.#news.push(...deliveries);
        this.#timer ||= window.setTimeout(this.#flush, this.#flood ? FLOOD_GATHER_MS : GATHER_MS);
    }

    /** Shows what was held back. */
    release = () => {
        if (this.#held.size === 0) return;
        const rows = merge(this.shown.rows, [...this.#held.values()]);
        this.#held.clear();
        this.#lost = 0;
        this.#show(rows, this.shown.cut);
    };

    /** Lets in what was held back, when the reader has become free. */
    settle = () => {
        if (this.#held.size > 0 && !this.busy()) this.release();
    };

    #flush = () => {
        this.#timer = 0;
        const news = new Map<string, Delivery>();
        for (const it of this.#news) news.set(it.id, news.has(it.id) ? newer(it, news.get(it.id)!) : it);
        this.#news = [];
        this.#flood = news.size > FLOOD_ROWS;
        if (this.#heard.size > HELD_MAX) this.#heard.clear();
        for (const id of news.keys()) this.#heard.add(id);
        const rows = this.shown.rows.map((row) => {
            const heard = news.get(row.id);
            news.delete(row.id);
            return heard ? newer(heard, row) : row;
        });
        const wait = this.busy();
        const fresh: Delivery[] = [];
        const oldest = this.shown.rows.length ? order.bind(null, this.shown.rows.at(-1)!) : undefined;
        for (const it of news.values()) {
            // An old delivery that changed and is not on the screen belongs to a page that was not read.
            if (!this.fits(it) || (oldest && oldest(it) < 0)) continue;
            const held = this.#held.get(it.id);
            if (wait || held) this.#held.set(it.id, held ? newer(it, held) : it);
            else fresh.push(it);
        }
        while (this.#held.size > HELD_MAX) {
            this.#held.delete(this.#held.keys().next().value!);
            this.#lost++;
        }
        if (!wait && this.#held.size) {
            fresh.push(...this.#held.values());
            this.#held.clear();
            this.#lost = 0;
        }
        this.#show(fresh.length ? merge(rows, fresh) : rows, this.shown.cut);
    };

    #show(rows: Delivery[], cut: boolean) {
        const max = Math.max(this.#asked, 50) + STREAMED_MAX;
        if (rows.length > max) {
            rows.length = max;
            cut = true;
        }
        this.shown = { rows, held: this.#held.size + this.#lost, cut };
        this.#listeners.forEach((it) => it());
    }
}

function merge(rows: Delivery[], more: Delivery[]): Delivery[] {
    const all = new Map(rows.map((it) => [it.id, it]));
    for (const it of more) {
        const there = all.get(it.id);
        all.set(it.id, there ? newer(it, there) : it);
    }
    return [...all.values()].sort(order);
}
