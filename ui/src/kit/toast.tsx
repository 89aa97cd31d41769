// A short message about the last action, at the edge of the window; it disappears after a while and is read out once.

import { useSyncExternalStore } from "react";

const SHOWN_MS = 6_000;

let text = "";
let timer = 0;
const listeners = new Set<() => void>();

function set(next: string) {
    text = next;
    listeners.forEach((it) => it());
}

export function say(words: string) {
    set(words);
    clearTimeout(timer);
    timer = window.setTimeout(() => set(""), SHOWN_MS);
}

const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
};

export function Toast() {
    const words = useSyncExternalStore(subscribe, () => text);
    return (
        <div className="toast" role="status">
            {words && <p>{words}</p>}
        </div>
    );
}
