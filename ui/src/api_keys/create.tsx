// Creating a key: its name, its scopes, its share of the rate limit, its expiry.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useRef, useState } from "react";
import { call } from "../api";
import { ApiKeyService } from "../gen/inboxops/admin/v1/api_keys_pb";
import { useAct } from "../kit/act";
import { Dialog } from "../kit/dialog";
import { Check, Field, Text, useFirstWrong } from "../kit/field";
import { Gate } from "../kit/gate";
import { Trouble } from "../kit/view";
import { PRESETS, SCOPES } from "./scopes";
import { Share, shareOf } from "./share";

const DAYS: [string, number][] = [
    ["Never", 0],
    ["In 30 days", 30],
    ["In 90 days", 90],
    ["In a year", 365],
];
const DAY_MS = 86_400_000;

export function CreateKey({ onClose, onKey }: { onClose: () => void; onKey: (key: string) => void }) {
    const [name, setName] = useState("");
    const [preset, setPreset] = useState("Everything");
    const [scopes, setScopes] = useState<string[]>([]);
    const [share, setShare] = useState("");
    const [days, setDays] = useState(0);
    const form = useRef<HTMLFormElement>(null);
    const own = preset === "Custom";
    const { run, busy, failure } = useAct(async () => {
        const { key } = await call(ApiKeyService.method.createApiKey, {
            name,
            scopes: own ? scopes : PRESETS.find((it) => it.name === preset)!.scopes,
            requestsPerMinute: shareOf(share) || undefined,
            expiresAt: days ? timestampFromDate(new Date(Date.now() + days * DAY_MS)) : undefined,
        });
        onKey(key);
    });
    const [tries, setTries] = useState(0);
    const unchosen = own && scopes.length === 0;
    useFirstWrong(form, failure, tries);
    if (failure?.reason === "ENTITLEMENT_REQUIRED") {
        return (
            <Dialog title="Create key" onClose={onClose}>
                <Gate failure={failure} />
                <div className="buttons">
                    <button onClick={onClose}>Close</button>
                </div>
            </Dialog>
        );
    }
    return (
        <Dialog title="Create key" onClose={onClose} wide={own}>
            <form
                ref={form}
                noValidate
                onSubmit={(event) => {
                    event.preventDefault();
                    setTries(tries + 1);
                    if (!unchosen && name.trim()) void run();
                }}
            >
                {failure && failure.fields.size === 0 && <Trouble failure={failure} />}
                <Text
                    label="Name"
                    hint="For example, the program that uses it."
                    value={name}
                    onChange={setName}
                    error={tries && !name.trim() ? "The name must not be blank." : failure?.field("name", "The name")}
                    autoFocus
                />
                <fieldset>
                    <legend>Access</legend>
                    <p className="error" role="alert">
                        {unchosen ? tries > 0 && "Choose at least one scope." : failure?.field("scopes", "The scopes")}
                    </p>
                    <div className="radios">
                        {[...PRESETS, { name: "Custom", about: "" }].map((it) => (
                            <label className="check" key={it.name}>
                                <input
                                    type="radio"
                                    name="preset"
                                    checked={preset === it.name}
                                    aria-invalid={it.name === preset && unchosen && tries > 0}
                                    onChange={() => setPreset(it.name)}
                                />
                                <span>
                                    {it.name}
                                    {it.about && <small>{it.about}</small>}
                                </span>
                            </label>
                        ))}
                    </div>
                    {own && (
                        <div className="inner columns">
                            {SCOPES.map(([scope, about]) => (
                                <Check
                                    key={scope}
                                    label={<code>{scope}</code>}
                                    hint={about}
                                    checked={scopes.includes(scope)}
                                    onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((it) => it !== scope))}
                                />
                            ))}
                        </div>
                    )}
                </fieldset>
                <Share value={share} onChange={setShare} failure={failure} />
                <Field label="Expires" error={failure?.field("expires_at", "The end")}>
                    {(props) => (
                        <select {...props} value={String(days)} onChange={(event) => setDays(Number(event.currentTarget.value))}>
                            {DAYS.map(([label, value]) => (
                                <option key={value} value={value}>
                                    {label}
                                </option>
                            ))}
                        </select>
                    )}
                </Field>
                <div className="buttons">
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button className="primary" aria-disabled={busy}>
                        Create key
                    </button>
                </div>
            </form>
        </Dialog>
    );
}
