// What a reader sees who may not: the plan lacks it, or the role does not allow it.

import type { Failure } from "../failure";
import { useSession } from "../session/session";
import { Icon } from "./icon";

const WHAT: Record<string, string> = { webhooks: "Webhooks are", public_api: "The API is" };
const KEPT: Record<string, string> = {
    webhooks: "Existing endpoints are kept but paused: nothing is sent.",
    public_api: "Existing keys are kept but refused.",
};

export function Gate({ failure }: { failure: Failure }) {
    const session = useSession();
    if (failure.reason === "ROLE_REQUIRED") {
        return (
            <section className="empty">
                <Icon name="lock" />
                <h2>Only administrators can see this</h2>
                <p>Your role is {session?.role ?? "agent"}. Ask an administrator of {session?.tenant ?? "your workspace"}.</p>
            </section>
        );
    }
    const entitlement = failure.facts.entitlement ?? "";
    const needed = failure.facts.minimum_plan;
    return (
        <section className="empty">
            <Icon name="lock" />
            <h2>{WHAT[entitlement] ?? "This is"} not in your plan.</h2>
            <p>
                Your plan: {session?.plan ?? "unknown"}.{needed && ` Needed: ${needed[0]!.toUpperCase()}${needed.slice(1)} or higher.`}
            </p>
            {KEPT[entitlement] && <p>{KEPT[entitlement]}</p>}
        </section>
    );
}
