// The icons of the pages, on a grid of 16.

const PATHS = {
    check: "M3.5 8.5l3 3 6-7",
    cross: "M4.5 4.5l7 7m0-7l-7 7",
    retry: "M12.8 9.2A5 5 0 1 1 12 5.2M12.5 2.5v3h-3",
    clock: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM8 5v3.2l2 1.3",
    pause: "M6 4v8M10 4v8",
    stop: "M4.5 4.5h7v7h-7z",
    warn: "M8 2.8L14 13H2zM8 6.5v3M8 11.2v.1",
    lock: "M4 7.5h8v5.5H4zM5.7 7.5V5.3a2.3 2.3 0 0 1 4.6 0v2.2",
    copy: "M6 6h7v7H6zM10 6V3H3v7h3",
    more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
    inbox: "M2.5 9h3l1 2h3l1-2h3M2.5 9l2-5h7l2 5v3.5h-11z",
    hook: "M7.2 4.6a2.3 2.3 0 1 1 2.5 3l2.2 3.4M6.4 7.2L4.6 11M6.5 11.6h5M4.2 11.6a.8.8 0 1 0 0 .1zM11.8 11.8a.8.8 0 1 0 0-.1z",
    log: "M3 4h10M3 8h10M3 12h6",
    key: "M9.5 2.5a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM6.7 9.3L2.5 13.5M4.5 11.5l1.5 1.5",
    user: "M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8zM3 13.5c.6-2.4 2.6-3.6 5-3.6s4.4 1.2 5 3.6",
    down: "M8 3v9M4.5 8.5L8 12l3.5-3.5",
    send: "M2.5 8L13.5 3l-3 10-3-4z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
    return (
        <svg className={name === "more" ? "icon dots" : "icon"} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} />
        </svg>
    );
}
