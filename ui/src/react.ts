// The part of React's interface that the pages and their libraries use, on Preact's core. Preact's own compatibility
// layer does the same for all of React, in three times the bytes.

import { type ComponentChildren, type ComponentType, createElement, Component, type ComponentChild } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

export { createContext, Fragment } from "preact";
export { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

type Props = Record<string, unknown>;

/** Renders only when a prop has changed. */
export function memo(render: (props: any) => ComponentChild): ComponentType<any> {
    return class Memo extends Component<Props> {
        override shouldComponentUpdate(next: Props) {
            const names = Object.keys(next);
            return names.length !== Object.keys(this.props).length || names.some((name) => next[name] !== (this.props as Props)[name]);
        }
        override render(props: Props) {
            return createElement(render as ComponentType, props) as ComponentChildren;
        }
    };
}

/** What a store says now; renders again when it says something else. */
export function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, snapshot: () => T): T {
    const value = snapshot();
    const [{ held }, set] = useState({ held: { value, snapshot } });
    const check = () => {
        if (!Object.is(held.value, held.snapshot())) set({ held });
    };
    useLayoutEffect(() => {
        held.value = value;
        held.snapshot = snapshot;
        check();
    }, [value, snapshot]);
    useEffect(() => {
        check();
        return subscribe(check);
    }, [subscribe]);
    return value;
}
