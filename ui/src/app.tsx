// The frame of all screens: who may see them, the menu, and which path shows which screen.

import { useEffect, useRef, useState, type ReactNode } from "react";
import { ApiKeys } from "./api_keys/list";
import { call, queries, session as events } from "./api";
import { DeliveryPage } from "./deliveries/delivery";
import { Deliveries } from "./deliveries/log";
import { Failure } from "./failure";
import { SessionService } from "./gen/inboxops/admin/v1/sessions_pb";
import { Icon, type IconName } from "./kit/icon";
import { Link, match } from "./kit/link";
import { Menu } from "./kit/menu";
import { Page } from "./kit/page";
import { navigate, leaveUnasked, usePath } from "./kit/route";
import { Toast } from "./kit/toast";
import { Empty, Trouble } from "./kit/view";
import { Login } from "./session/login";
import { SetPassword } from "./session/password";
import { read, useSessionQuery } from "./session/session";
import { TicketPage } from "./tickets/ticket";
import { Tickets } from "./tickets/list";
import { EndpointPage } from "./webhooks/endpoint";
import { Webhooks } from "./webhooks/list";
import { NewEndpoint } from "./webhooks/new";

export function App() {
    return usePath() === "/login" ? <Login /> : <SignedIn />;
}

function SignedIn() {
    const session = useSessionQuery();
    const path = usePath();
    const known = useRef(false);
    known.current ||= !!session.data?.session;
    useEffect(() => {
        if (path === "/") navigate("/settings/webhooks", { replace: true });
    }, [path]);
    useEffect(() => {
        const out = () => {
            queries.clear();
            leaveUnasked();
            if (location.pathname === "/login") return;
            navigate(`/login?next=${encodeURIComponent(location.pathname + location.search)}${known.current ? "&ended=1" : ""}`, { replace: true });
        };
        events.addEventListener("signed-out", out);
        return () => events.removeEventListener("signed-out", out);
    }, []);
    if (session.data?.session) return <Shell who={read(session.data.session)} />;
    if (!session.error) return null;
    return (
        <main className="login">
            <h1>InboxOps</h1>
            <Trouble failure={Failure.of(session.error)} retry={session.refetch} busy={session.isFetching} />
        </main>
    );
}

const SCREENS: [string, (part: Record<string, string>) => ReactNode][] = [
    ["/tickets", () => <Tickets />],
    ["/tickets/:number", ({ number = "" }) => <TicketPage key={number} number={number} />],
    ["/settings/webhooks", () => <Webhooks />],
    ["/settings/webhooks/new", () => <NewEndpoint />],
    ["/settings/webhooks/:id/:tab?", ({ id = "", tab = "overview" }) => <EndpointPage key={id} id={id} tab={tab} />],
    ["/settings/deliveries", () => <Deliveries />],
    ["/deliveries/:id", ({ id = "" }) => <DeliveryPage key={id} id={id} />],
    ["/settings/api", () => <ApiKeys />],
];

function screen(path: string): ReactNode {
    for (const [pattern, show] of SCREENS) {
        const parts = match(pattern, path);
        if (parts) return show(parts);
    }
    return <Missing />;
}

const PLACES: { to: string; label: string; icon: IconName; admin?: boolean }[] = [
    { to: "/tickets", label: "Tickets", icon: "inbox" },
    { to: "/settings/webhooks", label: "Webhooks", icon: "hook" },
    { to: "/settings/deliveries", label: "Deliveries", icon: "log" },
    { to: "/settings/api", label: "API", icon: "key" },
];

function Shell({ who }: { who: ReturnType<typeof read> }) {
    const path = usePath();
    const [setting, setSetting] = useState(false);
    const [shade, setShade] = useState(document.documentElement.dataset.theme);
    const choose = (name?: "light" | "dark") => {
        theme(name);
        setShade(name);
    };
    const logout = async () => {
        // The reader wants to be signed out: if the server is unreachable, the session ends later.
        await call(SessionService.method.logout, {}).catch(() => undefined);
        queries.clear();
        navigate("/login", { replace: true });
    };
    const within = (to: string) => path === to || path.startsWith(`${to}/`) || (to === "/settings/deliveries" && path.startsWith("/deliveries/"));
    return (
        <div className="shell">
            <a
                className="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault();
                    document.getElementById("main")!.focus();
                }}
            >
                Skip to content
            </a>
            <div className="side">
                <p className="brand">
                    <Icon name="inbox" /> InboxOps
                </p>
                <nav aria-label="Main">
                    <ul>
                        {PLACES.map(({ to, label, icon }) => (
                            <li key={to}>
                                <Link href={to} aria-current={within(to) ? "page" : undefined}>
                                    <Icon name={icon} />
                                    {label}
                                </Link>
                            </li>
                        ))}
                    </ul>
                </nav>
                <div className="who">
                    <Menu
                        label="Account"
                        head={
                            <div className="whose">
                                <strong>{who.name}</strong>
                                <small>
                                    {who.tenant} · {who.plan}
                                </small>
                            </div>
                        }
                        face={
                            <>
                                <Icon name="user" />
                                <span className="who-name">
                                    <span className="hidden">Account of </span>
                                    {who.name}
                                    <small>
                                        {who.tenant} · {who.plan}
                                    </small>
                                </span>
                            </>
                        }
                        items={[
                            { label: "Light theme", checked: shade === "light", act: () => choose("light") },
                            { label: "Dark theme", checked: shade === "dark", act: () => choose("dark") },
                            { label: "System theme", checked: !shade, act: () => choose() },
                            { label: who.hasPassword ? "Change password…" : "Set a password…", act: () => setSetting(true) },
                            { label: "Sign out", act: () => void logout() },
                        ]}
                    />
                </div>
            </div>
            <main id="main" tabIndex={-1}>
                {screen(path)}
            </main>
            <Toast />
            {setting && <SetPassword has={who.hasPassword} email={who.email} onClose={() => setSetting(false)} />}
        </div>
    );
}

function theme(name?: "light" | "dark") {
    const root = document.documentElement;
    if (name) root.dataset.theme = name;
    else delete root.dataset.theme;
    try {
        if (name) localStorage.setItem("theme", name);
        else localStorage.removeItem("theme");
    } catch {
        // Storage is not available: the choice lasts as long as the page.
    }
}

const HOMES: Record<string, [string, string]> = { delivery: ["/settings/deliveries", "deliveries"], ticket: ["/tickets", "tickets"] };

export function Missing({ what = "page" }: { what?: string }) {
    const [to, name] = HOMES[what] ?? ["/settings/webhooks", "webhooks"];
    return (
        <Page title="Not found">
            <Empty
                title={`There is no such ${what}.`}
                actions={
                    <Link className="button" href={to}>
                        Go to {name}
                    </Link>
                }
            >
                The address may be mistyped, or what it showed is gone.
            </Empty>
        </Page>
    );
}
