// Calls to the server: one transport for calls, one for streams, one cache of answers. It knows no noun.

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { callUnaryMethod, createConnectQueryKey } from "@connectrpc/connect-query";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { keepPreviousData, QueryClient } from "@tanstack/react-query";
import { Failure } from "./failure";

const CALL_TIMEOUT_MS = 15_000;
/** How often a read is tried again by itself when the server cannot be reached. */
const RETRIES = 2;

/** Hears `signed-out` when any call says that the session is over. */
export const session = new EventTarget();

const watchSession: Interceptor = (next) => async (request) => {
    try {
        return await next(request);
    } catch (error) {
        const login = request.method.name === "Login";
        if (!login && ConnectError.from(error).code === Code.Unauthenticated) session.dispatchEvent(new Event("signed-out"));
        throw error;
    }
};

export const transport = createGrpcWebTransport({
    baseUrl: location.origin,
    interceptors: [watchSession],
    defaultTimeoutMs: CALL_TIMEOUT_MS,
});

/** For calls that stay open: they end by their own watchdog. */
export const streams = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [watchSession] });

export const queries = new QueryClient({
    defaultOptions: {
        queries: {
            staleTime: 5_000,
            placeholderData: keepPreviousData,
            retry: (tries, error) => tries < RETRIES && Failure.of(error).away,
            retryDelay: (tries) => 400 * 2 ** tries,
            networkMode: "always",
        },
        mutations: { networkMode: "always" },
    },
});

/** Calls a method outside of a component. */
export function call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    signal?: AbortSignal,
): Promise<MessageShape<O>> {
    return callUnaryMethod(transport, method, input, { signal });
}

/** Marks every cached answer of these methods as old, and reads again those that are on the screen. */
export async function refresh(...methods: DescMethodUnary<any, any>[]): Promise<void> {
    await Promise.all(
        methods.map((schema) =>
            queries.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) }),
        ),
    );
}
