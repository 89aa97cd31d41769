// Links within the pages: the browser's own, without loading the app again.

import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { navigate } from "./route";

export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
    const follow = (event: MouseEvent) => {
        // The reader wants a new tab or window.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button) return;
        event.preventDefault();
        navigate(href);
    };
    return <a href={href} {...rest} onClick={follow} />;
}

/** Whether a path fits a pattern such as `/tickets/:number`; a last part with `?` may be missing. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
    const wanted = pattern.split("/");
    const given = path.replace(/\/$/, "").split("/");
    const found: Record<string, string> = {};
    if (given.length > wanted.length) return undefined;
    for (const [i, part] of wanted.entries()) {
        const value = given[i];
        if (value === undefined ? !part.endsWith("?") : !part.startsWith(":") && part !== value) return undefined;
        if (part.startsWith(":") && value !== undefined) found[part.replace(/[:?]/g, "")] = decodeURIComponent(value);
    }
    return found;
}
