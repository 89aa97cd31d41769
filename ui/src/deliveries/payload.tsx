// The payload: the exact signed bytes, and the same formatted for people.

import { useState } from "react";
import type { DeliveryDetail } from "../gen/inboxops/v1/deliveries_pb";
import { Block } from "../kit/copy";
import { Json, pretty } from "../kit/json";

export function Payload({ delivery }: { delivery: DeliveryDetail }) {
    const [raw, setRaw] = useState(false);
    const text = raw ? delivery.payload : pretty(delivery.payload);
    return (
        <section aria-labelledby="payload">
            <h2 id="payload">Payload</h2>
            <Block
                text={text}
                label="Payload JSON"
                bar={
                    <>
                        <div className="tabs grow" role="group" aria-label="Form">
                            <button className="tab" aria-pressed={!raw} onClick={() => setRaw(false)}>
                                Pretty
                            </button>
                            <button className="tab" aria-pressed={raw} onClick={() => setRaw(true)}>
                                Raw
                            </button>
                        </div>
                        <button className="small" onClick={() => download(`${delivery.eventId}.json`, delivery.payload)}>
                            Download
                        </button>
                    </>
                }
            >
                {raw ? text : <Json text={text} />}
            </Block>
        </section>
    );
}

function download(name: string, text: string) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
}
