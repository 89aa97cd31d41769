// A secret, shown once. It is in the state of the screen that created it and disappears with it.

import { useRef, useState, type ReactNode } from "react";
import { useCopied } from "./copy";
import { Dialog } from "./dialog";
import { Check } from "./field";

interface Props {
    title: string;
    /** "secret", "key": for the sentences. */
    what: string;
    secret: string;
    onClose: () => void;
    children?: ReactNode;
}

export function SecretOnce({ title, what, secret, onClose, children }: Props) {
    const [stored, setStored] = useState(false);
    const [state, copy] = useCopied();
    const shown = useRef<HTMLElement>(null);
    return (
        <Dialog title={title} onClose={onClose} locked>
            <p>You won’t see it again.</p>
            <div className="secret">
                <code ref={shown} data-secret>
                    {secret}
                </code>
                <button type="button" className="primary" autoFocus onClick={() => void copy(secret, shown.current)}>
                    {state || "Copy"}
                </button>
                <span className="hidden" role="status">
                    {state}
                </span>
            </div>
            {children}
            <Check label={`I have stored this ${what}`} checked={stored} onChange={setStored} />
            <div className="buttons">
                {!stored && (
                    <button type="button" onClick={onClose}>
                        Close anyway
                    </button>
                )}
                <button type="button" className="primary" disabled={!stored} onClick={onClose}>
                    Done
                </button>
            </div>
        </Dialog>
    );
}
