// Signing in: by the one-time link, whose code is only in the fragment of the address bar, or by address and password.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { useEffect, useRef, useState } from "react";
import { call, queries } from "../api";
import { type LoginRequestSchema, type LoginResponse, SessionService } from "../gen/inboxops/admin/v1/sessions_pb";
import { useAct } from "../kit/act";
import { Text, useFirstWrong } from "../kit/field";
import { Icon } from "../kit/icon";
import { navigate, useParameters } from "../kit/route";

/** A path of ours to go on to; anything else would lead readers away. */
function safe(next: string | null) {
    return next && /^\/(?![/\\])/.test(next) ? next : "/settings/webhooks";
}

const WORDS: Record<string, string> = {
    INVALID_CREDENTIALS: "Wrong email address or password.",
};
const LINK_WORDS: Record<string, string> = {
    INVALID_CREDENTIALS: "This link was already used or has expired. Ask for a new one, or sign in with your password.",
};

/** The code of a login link, once: it is taken out of the address bar at once. */
function takeCode(): string | undefined {
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    if (code) history.replaceState(null, "", location.pathname + location.search);
    return code ?? undefined;
}

export function Login() {
    const [parameters] = useParameters();
    const [email, setEmail] = useState("");
    const [password, setPassword] = useState("");
    const [choices, setChoices] = useState<LoginResponse["choices"]>([]);
    const [code] = useState(takeCode);
    const form = useRef<HTMLFormElement>(null);
    const [byLink, setByLink] = useState(!!code);
    const login = useAct(async (input: MessageInitShape<typeof LoginRequestSchema>) => {
        const response = await call(SessionService.method.login, input);
        if (response.choices.length) return setChoices(response.choices);
        queries.clear();
        navigate(safe(parameters.get("next")), { replace: true });
    });
    useEffect(() => {
        document.title = "Sign in · InboxOps";
        if (code) void login.run({ code });
    }, []);
    const { failure, busy } = login;
    useFirstWrong(form, failure);
    const words = failure && failure.fields.size === 0 && ((byLink ? LINK_WORDS : WORDS)[failure.reason] ?? failure.message);
    if (byLink && !failure && !email) {
        return (
            <main className="login">
                <h1>Signing in…</h1>
            </main>
        );
    }
    return (
        <main className="login">
            <p className="brand">
                <Icon name="inbox" /> InboxOps
            </p>
            {choices.length > 0 ? (
                <>
                    <h1>Choose a workspace</h1>
                    <ul className="choices">
                        {choices.map((tenant) => (
                            <li key={tenant.id}>
                                <button onClick={() => void login.run({ email, password, tenantId: tenant.id })}>{tenant.name}</button>
                            </li>
                        ))}
                    </ul>
                </>
            ) : (
                <>
                    <h1>Sign in</h1>
                    <form
                        ref={form}
                        noValidate
                        onSubmit={(event) => {
                            event.preventDefault();
                            setByLink(false);
                            void login.run({ email, password });
                        }}
                    >
                        {words && (
                            <p className="banner bad" role="alert">
                                {words}
                            </p>
                        )}
                        {!words && parameters.has("ended") && (
                            <p className="banner calm" role="status">
                                Your session has ended. Sign in to continue where you left off.
                            </p>
                        )}
                        <Text
                            label="Email address"
                            type="email"
                            autoComplete="username"
                            value={email}
                            onChange={setEmail}
                            error={failure?.field("email", "The address")}
                            autoFocus
                        />
                        <Text
                            label="Password"
                            type="password"
                            autoComplete="current-password"
                            value={password}
                            onChange={setPassword}
                            error={failure?.field("password", "The password")}
                        />
                        <button className="primary wide" aria-disabled={busy}>
                            {busy ? "Signing in…" : "Sign in"}
                        </button>
                    </form>
                    <p className="fine">
                        First time here, or forgot your password? On the server, <code>inboxops agent login-link</code> makes a link that signs you in once.
                    </p>
                </>
            )}
        </main>
    );
}
