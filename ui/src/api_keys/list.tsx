// The API keys of the workspace.

import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { call, refresh } from "../api";
import { type ApiKey, ApiKeyService } from "../gen/inboxops/admin/v1/api_keys_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { Text } from "../kit/field";
import { Menu } from "../kit/menu";
import { Page } from "../kit/page";
import { Ago, Countdown, Day } from "../kit/time";
import { say } from "../kit/toast";
import { Empty, Trouble, View } from "../kit/view";
import { Failure } from "../failure";
import { CreateKey } from "./create";
import { KeyOnce } from "./once";
import { scopesInWords } from "./scopes";
import { Share, shareOf } from "./share";

const PER_PAGE = 100;
const SOON_SECS = 8n * 86_400n;
const reload = () => refresh(ApiKeyService.method.listApiKeys);

type Asked = { kind: "create" } | { kind: "edit" | "rotate" | "revoke"; key: ApiKey };

export function ApiKeys() {
    const list = useQuery(ApiKeyService.method.listApiKeys, { perPage: PER_PAGE });
    const [asked, setAsked] = useState<Asked>();
    const [key, setKey] = useState<string>();
    const keys = list.data?.apiKeys ?? [];
    const allowed = !list.error || !["ROLE_REQUIRED", "ENTITLEMENT_REQUIRED"].includes(Failure.of(list.error).reason);
    const add = (
        <button className="primary" onClick={() => setAsked({ kind: "create" })}>
            Create key
        </button>
    );
    const close = () => setAsked(undefined);
    const made = (text: string) => {
        close();
        setKey(text);
        void reload();
    };
    return (
        <Page
            title="API"
            lead={
                <>
                    Keys your programs use to call the API. <a href="/docs">Guides</a> <a href="/api/v1/docs">API reference</a>
                </>
            }
            actions={allowed && keys.length > 0 && add}
        >
            <View
                query={list}
                what="keys"
                empty={
                    keys.length === 0 && (
                        <Empty title="No API keys yet." actions={add}>
                            A key lets a program of yours read and change tickets, within the scopes that you give it.
                        </Empty>
                    )
                }
            >
                <div className="table" role="region" aria-label="API keys" tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">Name</th>
                                <th scope="col" className="wide">
                                    Key
                                </th>
                                <th scope="col" className="wide">
                                    Scopes
                                </th>
                                <th scope="col" className="wide">
                                    Created
                                </th>
                                <th scope="col">Last used</th>
                                <th scope="col" className="wide">
                                    Expires
                                </th>
                                <th>
                                    <span className="hidden">Actions</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {keys.map((it) => (
                                <tr key={it.id}>
                                    <td className="grow">
                                        <strong>{it.name}</strong>
                                        {it.replacedBy && <span className="pill">replaced</span>}
                                        <code className="under narrow">{it.keyPrefix}…</code>
                                        <span className="under narrow">
                                            {rights(it)}
                                            {it.expiresAt && (
                                                <>
                                                    {" · expires "}
                                                    <Expires apiKey={it} />
                                                </>
                                            )}
                                        </span>
                                    </td>
                                    <td className="wide">
                                        <code>{it.keyPrefix}…</code>
                                    </td>
                                    <td className="wide" title={it.scopes.join(", ")}>
                                        {rights(it)}
                                    </td>
                                    <td className="wide">{it.createdAt && <Day at={it.createdAt} />}</td>
                                    <td>{it.lastUsedAt ? <Ago at={it.lastUsedAt} /> : <span className="muted">Never used</span>}</td>
                                    <td className="wide">
                                        <Expires apiKey={it} />
                                    </td>
                                    <td className="end">
                                        <Menu
                                            label={`Actions for ${it.name}`}
                                            items={[
                                                { label: "Edit…", act: () => setAsked({ kind: "edit", key: it }) },
                                                ...(it.replacedBy ? [] : [{ label: "Rotate…", act: () => setAsked({ kind: "rotate", key: it }) }]),
                                                { label: "Revoke…", danger: true, act: () => setAsked({ kind: "revoke", key: it }) },
                                            ]}
                                        />
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            </View>
            {asked?.kind === "create" && <CreateKey onClose={close} onKey={made} />}
            {asked?.kind === "edit" && <Edit apiKey={asked.key} onClose={close} />}
            {asked?.kind === "rotate" && <Rotate apiKey={asked.key} onClose={close} onKey={made} />}
            {asked?.kind === "revoke" && <Revoke apiKey={asked.key} onClose={close} />}
            {key && <KeyOnce secret={key} onClose={() => setKey(undefined)} />}
        </Page>
    );
}

const rights = (it: ApiKey) => scopesInWords(it.scopes) + (it.requestsPerMinute ? ` · ${it.requestsPerMinute} a minute` : "");

function Expires({ apiKey: { expiresAt } }: { apiKey: ApiKey }) {
    if (!expiresAt) return <span className="muted">Never</span>;
    const soon = expiresAt.seconds - BigInt(Math.floor(Date.now() / 1_000)) < SOON_SECS;
    return soon ? <Countdown to={expiresAt} /> : <Day at={expiresAt} />;
}

function Edit({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
    const [name, setName] = useState(apiKey.name);
    const [share, setShare] = useState(apiKey.requestsPerMinute?.toString() ?? "");
    const { run, busy, failure } = useAct(async () => {
        await call(ApiKeyService.method.updateApiKey, { apiKeyId: apiKey.id, name, requestsPerMinute: shareOf(share) });
        await reload();
        onClose();
    });
    return (
        <Confirm title="Edit key" action="Save" failure={failure} busy={busy} onConfirm={() => void run()} onClose={onClose}>
            {failure && failure.fields.size === 0 && <Trouble failure={failure} />}
            <Text label="Name" value={name} onChange={setName} error={failure?.field("name", "The name")} autoFocus />
            <Share value={share} onChange={setShare} failure={failure} />
        </Confirm>
    );
}

function Rotate({ apiKey, onClose, onKey }: { apiKey: ApiKey; onClose: () => void; onKey: (key: string) => void }) {
    const [hours, setHours] = useState("24");
    const { run, busy, failure } = useAct(async () => {
        const { key } = await call(ApiKeyService.method.rotateApiKey, { apiKeyId: apiKey.id, graceHours: Number(hours) });
        onKey(key);
    });
    return (
        <Confirm title={`Rotate “${apiKey.name}”?`} action="Make new key" danger={hours === "0"} busy={busy} onConfirm={() => void run()} onClose={onClose}>
            {failure && <Trouble failure={failure} />}
            <p>You get a new key with the same name, scopes, share and expiry. Choose how long the old one keeps working.</p>
            <fieldset>
                <legend>The old key ends</legend>
                <div className="radios">
                    {[
                        ["0", "At once"],
                        ["24", "In 24 hours"],
                        ["168", "In 7 days"],
                    ].map(([value, label]) => (
                        <label className="check" key={value}>
                            <input type="radio" name="grace" checked={hours === value} onChange={() => setHours(value!)} />
                            <span>{label}</span>
                        </label>
                    ))}
                </div>
            </fieldset>
        </Confirm>
    );
}

function Revoke({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
    const { run, busy, failure } = useAct(async () => {
        await call(ApiKeyService.method.revokeApiKey, { apiKeyId: apiKey.id });
        await reload();
        onClose();
        say(`${apiKey.name} is revoked.`);
    });
    return (
        <Confirm title={`Revoke “${apiKey.name}”?`} action="Revoke key" danger busy={busy} onConfirm={() => void run()} onClose={onClose}>
            {failure && <Trouble failure={failure} />}
            <p>
                Calls with this key fail at once. <code>{apiKey.keyPrefix}…</code> {apiKey.lastUsedAt ? <>was last used <Ago at={apiKey.lastUsedAt} />.</> : "was never used."}
            </p>
        </Confirm>
    );
}
