// Custom headers. Their values are write-only: a stored value is kept or replaced as a whole.

import type { Failure } from "../failure";
import { Text } from "../kit/field";

export interface NewHeader {
    name: string;
    value: string;
}

const HEADERS_MAX = 20;

interface Props {
    kept: string[];
    value: NewHeader[] | null;
    onChange: (value: NewHeader[] | null) => void;
    failure?: Failure;
}

export function HeadersField({ kept, value, onChange, failure }: Props) {
    if (value === null) {
        return (
            <fieldset>
                <legend>Custom headers</legend>
                <p>
                    {kept.map((name) => (
                        <code key={name} className="pill">
                            {name}
                        </code>
                    ))}
                </p>
                <p className="hint">Stored values are never shown again.</p>
                <button type="button" onClick={() => onChange(kept.map((name) => ({ name, value: "" })))}>
                    Replace headers
                </button>
            </fieldset>
        );
    }
    const set = (at: number, changes: Partial<NewHeader>) => onChange(value.map((it, i) => (i === at ? { ...it, ...changes } : it)));
    return (
        <fieldset>
            <legend>Custom headers</legend>
            <p className="hint">Sent with every request, such as the authorization that your gateway requires. Stored encrypted.</p>
            {value.map((header, i) => (
                <div className="pair" key={i}>
                    <Text
                        label={`Name of header ${i + 1}`}
                        value={header.name}
                        onChange={(name) => set(i, { name })}
                        error={failure?.field(`headers[${i}].name`, "The name")}
                        spellCheck="false"
                        autoComplete="off"
                    />
                    <Text
                        label={`Value of header ${i + 1}`}
                        value={header.value}
                        onChange={(text) => set(i, { value: text })}
                        error={failure?.field(`headers[${i}].value`, "The value")}
                        spellCheck="false"
                        autoComplete="off"
                    />
                    <button type="button" aria-label={`Remove header ${i + 1}`} onClick={() => onChange(value.filter((_, at) => at !== i))}>
                        Remove
                    </button>
                </div>
            ))}
            {value.length < HEADERS_MAX && (
                <button type="button" onClick={() => onChange([...value, { name: "", value: "" }])}>
                    Add header
                </button>
            )}
            {kept.length > 0 && (
                <button type="button" className="quiet" onClick={() => onChange(null)}>
                    Keep what is stored
                </button>
            )}
            <p className="error">{failure?.fields.get("headers")}</p>
        </fieldset>
    );
}
