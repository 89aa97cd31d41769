// The current route: path and search of the address bar, and the one function for navigation. A screen with unsaved
// changes can ask before it is left.

import { useEffect, useSyncExternalStore } from "react";

type LeaveQuestion = (proceed: () => void) => void;

const listeners = new Set<() => void>();
let here = location.pathname + location.search;
let leaveQuestion: LeaveQuestion | undefined;
/** The reader came here by a click or by Back, not by loading the page: the heading takes the focus. */
let arrived = false;

function tell() {
    here = location.pathname + location.search;
    for (const listener of listeners) listener();
}

addEventListener("popstate", () => {
    const target = location.pathname + location.search + location.hash;
    if (!leaveQuestion) {
        arrived = true;
        return tell();
    }
    history.pushState(null, "", here);
    leaveQuestion(() => navigate(target));
});

interface Options {
    replace?: boolean;
    /** The screen stays: filters change, the focus does not move. */
    stay?: boolean;
}

export function navigate(to: string, { replace, stay }: Options = {}) {
    const go = () => {
        history[replace ? "replaceState" : "pushState"](null, "", to);
        if (!stay) {
            arrived = true;
            scrollTo(0, 0);
        }
        tell();
    };
    if (leaveQuestion && !stay) leaveQuestion(go);
    else go();
}

const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
};

const path = () => location.pathname;
const search = () => location.search;

export const usePath = () => useSyncExternalStore(subscribe, path);
const useSearch = () => useSyncExternalStore(subscribe, search);

/** Reads the search as parameters; the second changes some of them, null takes one away. */
export function useParameters(): [URLSearchParams, (changes: Record<string, string | null>) => void] {
    const text = useSearch();
    return [
        new URLSearchParams(text),
        (changes) => {
            const next = new URLSearchParams(location.search);
            for (const [name, value] of Object.entries(changes)) value === null ? next.delete(name) : next.set(name, value);
            const query = next.toString();
            navigate(location.pathname + (query && `?${query}`), { stay: true });
        },
    ];
}

/** Asks before the reader leaves, while `on`. */
export function useLeaveQuestion(on: boolean, ask: LeaveQuestion) {
    useEffect(() => {
        if (!on) return;
        const unload = (event: BeforeUnloadEvent) => event.preventDefault();
        leaveQuestion = ask;
        addEventListener("beforeunload", unload);
        return () => {
            leaveQuestion = undefined;
            removeEventListener("beforeunload", unload);
        };
    }, [on]);
}

export function leaveUnasked() {
    leaveQuestion = undefined;
}

/** Whether the heading of a new screen shall take the focus; true once for each way that leads here. */
export function takeArrival() {
    const was = arrived;
    arrived = false;
    return was;
}
