// Relative times, with the exact one in the title. One clock updates all of them.

import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let ticker = 0;

function subscribe(listener: () => void) {
    listeners.add(listener);
    ticker ||= window.setInterval(() => listeners.forEach((it) => it()), 1_000);
    return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
            clearInterval(ticker);
            ticker = 0;
        }
    };
}

/** What a function of the present says; the component renders again when that changes, and only then. */
export const useNow = <T extends string | number>(say: (now: number) => T): T => useSyncExternalStore(subscribe, () => say(Date.now()));

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const clock = (at: Date) => CLOCK.format(at);
export const clockShort = (at: Date) => SHORT.format(at);
export const day = (at: Date) => DAY.format(at);

export function ago(at: number, now: number): string {
    const secs = Math.round((now - at) / 1_000);
    if (secs < 0) return within(at, now);
    if (secs < 5) return "just now";
    if (secs < 60) return `${secs - (secs % 5)} s ago`;
    if (secs < 7 * 86_400) return `${span(secs)} ago`;
    return day(new Date(at));
}

/** A time of a minute or more, in the greatest unit of which it has one. */
export function span(secs: number): string {
    if (secs < 3_600) return `${Math.floor(secs / 60) || 1} min`;
    if (secs < 86_400) return `${Math.floor(secs / 3_600)} h`;
    return `${Math.floor(secs / 86_400)} d`;
}

export function within(at: number, now: number): string {
    const secs = Math.ceil((at - now) / 1_000);
    if (secs <= 0) return "now";
    if (secs < 60) return `in ${secs} s`;
    if (secs < 3_600) return `in ${Math.floor(secs / 60)} min ${secs % 60} s`;
    if (secs < 86_400) return `in ${Math.floor(secs / 3_600)} h${rest(Math.floor((secs % 3_600) / 60), "min")}`;
    return `in ${Math.floor(secs / 86_400)} d${rest(Math.floor((secs % 86_400) / 3_600), "h")}`;
}

const rest = (n: number, unit: string) => (n ? ` ${n} ${unit}` : "");

function Stamp({ at, say }: { at: Date; say: (at: number, now: number) => string }) {
    const text = useNow((now) => say(at.getTime(), now));
    return (
        <time dateTime={at.toISOString()} title={EXACT.format(at)}>
            {text}
        </time>
    );
}

export const Ago = ({ at }: { at: Timestamp }) => <Stamp at={timestampDate(at)} say={ago} />;
export const Countdown = ({ to }: { to: Timestamp }) => <Stamp at={timestampDate(to)} say={within} />;
/** The time of day, for lists of moments that lie close together. */
export const Clock = ({ at }: { at: Timestamp }) => <Stamp at={timestampDate(at)} say={clockOf} />;
/** The day, for what lies far away. */
export const Day = ({ at }: { at: Timestamp }) => <Stamp at={timestampDate(at)} say={dayOf} />;

const clockOf = (at: number) => clock(new Date(at));
const dayOf = (at: number) => day(new Date(at));

const NUMBER = new Intl.NumberFormat("en");
export const number = (n: number | bigint) => NUMBER.format(n);
export const millis = (n: number) => `${n ? number(n) : "<\u00a01"}\u00a0ms`;
export const count = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
