// Form fields: a label, a hint, and the error beside it; the first field with an error takes the focus.

import { useEffect, useId, useLayoutEffect, useRef, type InputHTMLAttributes, type ReactNode, type RefObject } from "react";
import type { Failure } from "../failure";

interface FieldProps {
    label: string;
    hint?: ReactNode;
    error?: string;
    optional?: boolean;
    children: (props: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
}

export function Field({ label, hint, error, optional, children }: FieldProps) {
    const id = useId();
    return (
        <div className="field">
            <label htmlFor={id}>
                {label}
                {optional && <span className="muted"> (optional)</span>}
            </label>
            {children({ id, "aria-describedby": `${id}-about`, "aria-invalid": !!error })}
            <p id={`${id}-about`} className={error ? "error" : "hint"}>
                {error ?? hint}
            </p>
        </div>
    );
}

interface TextProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
    label: string;
    hint?: ReactNode;
    error?: string;
    optional?: boolean;
    value: string;
    onChange: (value: string) => void;
}

export function Text({ label, hint, error, optional, onChange, ...input }: TextProps) {
    return (
        <Field label={label} hint={hint} error={error} optional={optional}>
            {(props) => <input {...props} {...input} onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
    );
}

interface CheckProps {
    label: ReactNode;
    hint?: ReactNode;
    checked: boolean;
    mixed?: boolean;
    onChange: (checked: boolean) => void;
}

export function Check({ label, hint, checked, mixed, onChange }: CheckProps) {
    const box = useRef<HTMLInputElement>(null);
    useEffect(() => {
        box.current!.indeterminate = !!mixed;
    }, [mixed]);
    return (
        <label className="check">
            <input ref={box} type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
            <span>
                {label}
                {hint && <small>{hint}</small>}
            </span>
        </label>
    );
}

/**
 * Once a form was refused: its first wrong field takes the focus, together with the words that say so, or it would be taken from
 * somebody who types already. `tries` counts what the form refused by itself.
 */
export function useFirstWrong(form: RefObject<HTMLFormElement | null>, failure: Failure | undefined, tries = 0) {
    useLayoutEffect(() => {
        if (failure || tries) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    }, [failure, tries]);
}
