// The notice when something is not allowed: the plan does not include it, or the role does not permit it.

import type { Failure } from "../failure";
import { useSession } from "../session/session";
import { Icon } from "./icon";

const WHAT: Record<string, string> = { webhooks: "Webhooks are", public_api: "The API is" };
const KEPT: Record<string, string> = {
    webhooks: "Existing endpoints are kept but paused: nothing is sent.",
    public_api: "Existing keys are kept but refused.",
};

/** Without a failure: what a plan without webhooks says. `banner` stands above what can still be read. */
export function Gate({ failure, banner }: { failure?: Failure; banner?: boolean }) {
    const session = useSession();
    if (failure?.reason === "ROLE_REQUIRED") {
        return (
            <section className="empty">
                <Icon name="lock" />
                <h2>Only administrators can see this.</h2>
                <p>Your role is {session?.role ?? "agent"}. Ask an administrator of {session?.tenant ?? "your workspace"}.</p>
            </section>
        );
    }
    const { entitlement = "webhooks", minimum_plan: needed = "business" } = failure?.facts ?? {};
    return (
        <section className={banner ? "banner calm" : "empty"}>
            <Icon name="lock" />
            <div className="grow">
                <h2>{WHAT[entitlement] ?? "This is"} not in your plan.</h2>
                <p>
                    Your plan: {session?.plan ?? "unknown"}. Needed: {needed[0]!.toUpperCase() + needed.slice(1)} or higher.
                </p>
                {(banner || entitlement !== "webhooks") && <p>{KEPT[entitlement]}</p>}
            </div>
        </section>
    );
}

/** Who may not change endpoints, and why: undefined for those who may. */
export function useGate() {
    const session = useSession();
    if (!session || session.manages) return undefined;
    return <Gate failure={session.admin ? undefined : ROLE} />;
}

const ROLE = { reason: "ROLE_REQUIRED" } as Failure;
