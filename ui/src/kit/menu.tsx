// A menu button: the browser's popover, with the keys that a menu has.

import { useEffect, useId, useRef, type ReactNode } from "react";
import { Icon } from "./icon";

interface Item {
    label: string;
    danger?: boolean;
    /** Of those that exclude each other: whether it is the chosen one. */
    checked?: boolean;
    act: () => void;
}

export function Menu({ label, items, face, head }: { label: string; items: Item[]; face?: ReactNode; head?: ReactNode }) {
    const id = useId();
    const button = useRef<HTMLButtonElement>(null);
    const menu = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const box = menu.current!;
        const where = () => {
            const { top, left } = button.current!.getBoundingClientRect();
            return `${top} ${left}`;
        };
        let place = "";
        // At once: the event of a scroll that has ended may arrive before `toggle`.
        const opening = () => (place = where());
        const toggled = (event: Event) => {
            const open = (event as ToggleEvent).newState === "open";
            button.current!.setAttribute("aria-expanded", String(open));
            if (!open) return;
            const { bottom, top, left, right } = button.current!.getBoundingClientRect();
            const below = bottom + 4 + box.offsetHeight < innerHeight;
            box.style.top = `${below ? bottom + 4 : Math.max(4, top - 4 - box.offsetHeight)}px`;
            const begin = face && left + box.offsetWidth + 8 < innerWidth ? left : right - box.offsetWidth;
            box.style.left = `${Math.max(8, begin)}px`;
            box.querySelector("button")?.focus({ preventScroll: true });
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
        // Another part of the page may scroll, or the scroll may have ended: the menu closes only if its button moved.
        const gone = () => box.matches(":popover-open") && where() !== place && box.hidePopover();
        box.addEventListener("beforetoggle", opening);
        box.addEventListener("toggle", toggled);
        box.addEventListener("keydown", key);
        addEventListener("scroll", gone, true);
        return () => {
            box.removeEventListener("beforetoggle", opening);
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
                {head}
                {items.map((item) => (
                    <button
                        key={item.label}
                        type="button"
                        role={item.checked === undefined ? "menuitem" : "menuitemradio"}
                        aria-checked={item.checked}
                        tabIndex={-1}
                        className={item.danger ? "danger" : undefined}
                        onClick={() => {
                            menu.current!.hidePopover();
                            item.act();
                        }}
                    >
                        {item.label}
                        {item.checked && <Icon name="check" />}
                    </button>
                ))}
            </div>
        </>
    );
}
