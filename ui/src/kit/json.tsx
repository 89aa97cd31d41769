// JSON with highlighted parts, as text nodes: no payload is ever markup.

import { Fragment, type ReactNode } from "react";

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Longer texts are shown without colours: a reader scrolls them, and the page stays quick. */
const COLOURED_MAX_CHARS = 60_000;

export function pretty(text: string): string {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

export function Json({ text }: { text: string }) {
    if (text.length > COLOURED_MAX_CHARS) return <>{text}</>;
    const parts: ReactNode[] = [];
    let at = 0;
    for (const found of text.matchAll(TOKEN)) {
        const [whole, string, colon, word] = found;
        const kind = string ? (colon ? "j-name" : "j-text") : word ? "j-word" : "j-number";
        parts.push(<Fragment key={parts.length}>{text.slice(at, found.index)}</Fragment>);
        parts.push(
            <span key={parts.length} className={kind}>
                {string ?? whole}
            </span>,
        );
        if (colon) parts.push(<Fragment key={parts.length}>{colon}</Fragment>);
        at = found.index + whole.length;
    }
    parts.push(<Fragment key={parts.length}>{text.slice(at)}</Fragment>);
    return <>{parts}</>;
}
