// Copying: a small button, an id with a button, and a block of text with a button.

import { useRef, useState, type ReactNode } from "react";
import { Icon } from "./icon";

const SHOWN_MS = 1_600;

/** Puts text on the clipboard. Where the browser gives no access, it selects `source` for the reader's own Ctrl+C. */
export async function copyText(text: string, source?: Element | null): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        if (source) getSelection()?.selectAllChildren(source);
        return false;
    }
}

export function useCopied(): [string, (text: string, source?: Element | null) => Promise<boolean>] {
    const [state, setState] = useState("");
    const timer = useRef(0);
    return [
        state,
        async (text, source) => {
            const done = await copyText(text, source);
            setState(done ? "Copied" : source ? "Selected: press Ctrl+C" : "No clipboard access");
            clearTimeout(timer.current);
            timer.current = window.setTimeout(() => setState(""), SHOWN_MS);
            return done;
        },
    ];
}

export function Copy({ text, what }: { text: string; what: string }) {
    const [state, copy] = useCopied();
    return (
        <>
            <button type="button" className="quiet tiny" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy(text)}>
                <Icon name={state === "Copied" ? "check" : state ? "cross" : "copy"} />
            </button>
            <span className="hidden" role="status">
                {state}
            </span>
        </>
    );
}

export function Id({ value, what = "id" }: { value: string; what?: string }) {
    return (
        <span className="id">
            <code>{value}</code>
            <Copy text={value} what={what} />
        </span>
    );
}

/** Text to take away whole: a snippet, a header list, a body. */
export function Block({ text, label, children, bar }: { text: string; label: string; children?: ReactNode; bar?: ReactNode }) {
    const code = useRef<HTMLElement>(null);
    const [state, copy] = useCopied();
    return (
        <div className="block">
            <div className="bar">
                {bar}
                <button type="button" className="small" onClick={() => void copy(text, code.current)} aria-label={`Copy: ${label}`}>
                    {state || "Copy"}
                </button>
                <span className="hidden" role="status">
                    {state}
                </span>
            </div>
            <pre tabIndex={0} role="region" aria-label={label}>
                <code ref={code}>{children ?? text}</code>
            </pre>
        </div>
    );
}
