// A menu button: the browser's popover, with the keys that a menu has.

import { useEffect, useId, useRef, type ReactNode } from "react";
import { Icon } from "./icon";

interface Item {
    label: string;
    danger?: boolean;
    act: () => void;
}

export function Menu({ label, items, face }: { label: string; items: Item[]; face?: ReactNode }) {
    const id = useId();
    const button = useRef<HTMLButtonElement>(null);
    const menu = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const box = menu.current!;
        const toggled = (event: Event) => {
            const open = (event as ToggleEvent).newState === "open";
            button.current!.setAttribute("aria-expanded", String(open));
            if (!open) return;
            const { bottom, top, right } = button.current!.getBoundingClientRect();
            const below = bottom + 4 + box.offsetHeight < innerHeight;
            box.style.top = `${below ? bottom + 4 : Math.max(4, top - 4 - box.offsetHeight)}px`;
            box.style.left = `${Math.max(8, Math.min(right - box.offsetWidth, innerWidth - box.offsetWidth - 8))}px`;
            box.querySelector("button")?.focus();
        };
        const key = (event: KeyboardEvent) => {
            const all = [...box.querySelectorAll("button")];
            const at = all.indexOf(document.activeElement as HTMLButtonElement);
            const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
            if (event.key === "Tab") box.hidePopover();
            if (to === undefined) return;
            event.preventDefault();
            all[to % all.length]?.focus();
        };
        const gone = () => box.matches(":popover-open") && box.hidePopover();
        box.addEventListener("toggle", toggled);
        box.addEventListener("keydown", key);
        addEventListener("scroll", gone, true);
        return () => {
            box.removeEventListener("toggle", toggled);
            box.removeEventListener("keydown", key);
            removeEventListener("scroll", gone, true);
        };
    }, []);
    return (
        <>
            <button
                ref={button}
                type="button"
                className={face ? "quiet" : "quiet tiny"}
                aria-label={face ? undefined : label}
                title={face ? undefined : label}
                aria-haspopup="menu"
                aria-expanded="false"
                popoverTarget={id}
            >
                {face ?? <Icon name="more" />}
            </button>
            <div ref={menu} id={id} popover="auto" role="menu" aria-label={label} className="menu">
                {items.map((item) => (
                    <button
                        key={item.label}
                        type="button"
                        role="menuitem"
                        tabIndex={-1}
                        className={item.danger ? "danger" : undefined}
                        onClick={() => {
                            menu.current!.hidePopover();
                            item.act();
                        }}
                    >
                        {item.label}
                    </button>
                ))}
            </div>
        </>
    );
}
