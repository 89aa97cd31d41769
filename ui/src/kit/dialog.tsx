// A modal dialog: the browser's own, named by its heading; the focus returns at the end.

import { useEffect, useId, useRef, type ReactNode } from "react";
import type { Failure } from "../failure";
import { useFirstWrong } from "./field";

interface Props {
    title: string;
    onClose: () => void;
    /** Escape does nothing: what is shown is lost when it closes. Its buttons still close it. */
    locked?: boolean;
    wide?: boolean;
    children: ReactNode;
}

export function Dialog({ title, onClose, locked, wide, children }: Props) {
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const before = document.activeElement;
        dialog.current?.showModal();
        return () => {
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    useEffect(() => {
        const element = dialog.current!;
        const cancel = (event: Event) => {
            event.preventDefault();
            if (!locked) onClose();
        };
        // A browser may close the dialog on a second Escape whatever `cancel` says, unless the key event itself is
        // handled.
        const key = (event: KeyboardEvent) => {
            if (event.key === "Escape") cancel(event);
        };
        element.addEventListener("cancel", cancel);
        element.addEventListener("keydown", key);
        return () => {
            element.removeEventListener("cancel", cancel);
            element.removeEventListener("keydown", key);
        };
    });
    return (
        <dialog ref={dialog} aria-labelledby={id} className={wide ? "wide" : undefined}>
            <h2 id={id}>{title}</h2>
            {children}
        </dialog>
    );
}

interface ConfirmProps {
    title: string;
    /** Without one there is nothing to do but close. */
    action?: string;
    busy?: boolean;
    /** Why the action was refused: the first wrong field takes the focus. */
    failure?: Failure;
    danger?: boolean;
    disabled?: boolean;
    onConfirm: () => void;
    onClose: () => void;
    cancel?: string;
    children: ReactNode;
}

export function Confirm({ title, action, busy, danger, disabled, failure, onConfirm, onClose, cancel = "Cancel", children }: ConfirmProps) {
    const form = useRef<HTMLFormElement>(null);
    useFirstWrong(form, failure);
    return (
        <Dialog title={title} onClose={onClose}>
            <form
                ref={form}
                noValidate
                onSubmit={(event) => {
                    event.preventDefault();
                    // Do not submit a form around this dialog.
                    event.stopPropagation();
                    if (!busy && !disabled) onConfirm();
                }}
            >
                {children}
                <div className="buttons">
                    <button type="button" onClick={onClose}>
                        {cancel}
                    </button>
                    {action && (
                        <button className={danger ? "danger" : "primary"} disabled={disabled} aria-disabled={busy}>
                            {action}
                        </button>
                    )}
                </div>
            </form>
        </Dialog>
    );
}
