// A call that changes something: one at a time, its failure kept for the screen. The answer goes to the caller and is
// not stored, since it may be a password or secret.

import { useEffect, useRef, useState } from "react";
import { Failure } from "../failure";

export function useAct<A extends unknown[]>(act: (...inputs: A) => Promise<unknown>) {
    const [busy, setBusy] = useState(false);
    const [failure, setFailure] = useState<Failure>();
    const running = useRef(false);
    const mounted = useRef(true);
    useEffect(() => () => void (mounted.current = false), []);
    const run = async (...inputs: A) => {
        if (running.current) return;
        running.current = true;
        setBusy(true);
        setFailure(undefined);
        try {
            await act(...inputs);
        } catch (error) {
            if (mounted.current) setFailure(Failure.of(error));
        } finally {
            running.current = false;
            if (mounted.current) setBusy(false);
        }
    };
    return { run, busy, failure };
}
