// The attempts of a delivery, each with its request and its response.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ReactNode } from "react";
import type { Attempt, DeliveryDetail, HttpHeader } from "../gen/inboxops/v1/deliveries_pb";
import { Block, useCopied } from "../kit/copy";
import { Icon } from "../kit/icon";
import { clock, day, millis } from "../kit/time";
import { httpStatus } from "../webhooks/words";
import { errorWord } from "./words";

/** The list of them; `children` is its last item: what comes next. */
export function Attempts({ delivery, url, children }: { delivery: DeliveryDetail; url?: string; children: ReactNode }) {
    const last = delivery.attempts.length - 1;
    return (
        <ol className="attempts">
            {delivery.attempts.map((it, i) => (
                <li key={it.number}>
                    <details open={i === last && !it.succeeded}>
                        <summary>
                            <span className={`mark ${it.succeeded ? "ok" : "bad"}`}>
                                <Icon name={it.succeeded ? "check" : "cross"} />
                            </span>
                            <span className="grow">
                                Attempt {it.number} · {answer(it)}&nbsp;· {millis(it.durationMs)}
                            </span>
                            <When attempt={it} />
                        </summary>
                        <Detail attempt={it} delivery={delivery} url={url} />
                    </details>
                </li>
            ))}
            {children}
        </ol>
    );
}

const answer = ({ responseStatus, errorCode }: Attempt) =>
    responseStatus ? httpStatus(responseStatus) : errorCode ? errorWord(errorCode) : "No answer";

function When({ attempt: { startedAt } }: { attempt: Attempt }) {
    if (!startedAt) return null;
    const at = timestampDate(startedAt);
    return (
        <time dateTime={at.toISOString()} title={day(at)}>
            {clock(at)}
        </time>
    );
}

const lines = (headers: HttpHeader[]) => headers.map((it) => `${it.name}: ${it.value}`).join("\n");

function Detail({ attempt, delivery, url }: { attempt: Attempt; delivery: DeliveryDetail; url?: string }) {
    const [state, copy] = useCopied();
    const answered = attempt.responseStatus !== undefined;
    return (
        <div className="detail">
            {attempt.error && <p className="outcome bad">{attempt.error}</p>}
            {answered && (
                <>
                    <Block text={attempt.responseBody ?? ""} label={`Response body of attempt ${attempt.number}`} bar={<span className="grow">Response body</span>}>
                        {attempt.responseBody ? undefined : <span className="muted">The body is empty.</span>}
                    </Block>
                    <Block
                        text={lines(attempt.responseHeaders)}
                        label={`Response headers of attempt ${attempt.number}`}
                        bar={<span className="grow">Response headers</span>}
                    />
                </>
            )}
            <Block text={lines(attempt.requestHeaders)} label={`Request headers of attempt ${attempt.number}`} bar={<span className="grow">Request headers</span>} />
            {url && (
                <p>
                    <button className="small" onClick={() => void copy(curl(url, attempt, delivery.payload))}>
                        {state || "Copy as cURL"}
                    </button>
                </p>
            )}
        </div>
    );
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** Headers that curl makes itself. */
const OWN = new Set(["content-length", "host", "connection", "accept-encoding"]);

export function curl(url: string, attempt: Attempt, payload: string): string {
    const headers = attempt.requestHeaders.filter((it) => !OWN.has(it.name.toLowerCase())).map((it) => `-H ${quote(`${it.name}: ${it.value}`)}`);
    return ["curl -X POST", quote(url), ...headers, `--data-binary ${quote(payload)}`].join(" \\\n  ");
}
