// The signed-in agent, as screens need it.

import { useQuery } from "@connectrpc/connect-query";
import { type Session, SessionService } from "../gen/inboxops/admin/v1/sessions_pb";
import { Plan } from "../gen/inboxops/v1/identity_pb";
import { Role } from "../gen/inboxops/v1/options_pb";

const PLANS: Record<Plan, string> = {
    [Plan.UNSPECIFIED]: "unknown",
    [Plan.FREE]: "Free",
    [Plan.STARTER]: "Starter",
    [Plan.BUSINESS]: "Business",
    [Plan.ENTERPRISE]: "Enterprise",
};

export function read(session: Session) {
    const admin = session.agent?.role === Role.ADMIN;
    const webhooks = session.entitlements.includes("webhooks");
    return {
        name: session.agent?.name ?? "",
        email: session.agent?.email ?? "",
        tenant: session.tenant?.name ?? "",
        plan: PLANS[session.plan],
        admin,
        role: admin ? "administrator" : "agent",
        /** Whether the plan has webhooks; without them what is there can be read. */
        webhooks,
        /** Whether this person may change endpoints and send deliveries. */
        manages: admin && webhooks,
        endpointsMax: session.endpointsMax,
        development: session.development,
        privateTargets: session.privateTargets,
        hasPassword: session.hasPassword,
    };
}

const FRESH_MS = 60_000;

export const useSessionQuery = (enabled = true) =>
    useQuery(SessionService.method.currentSession, {}, { staleTime: FRESH_MS, enabled });

/** The one who is signed in; undefined while that is not known. */
export function useSession() {
    const session = useSessionQuery().data?.session;
    return session && read(session);
}
