// Code that verifies a signature, to copy. The files beside this one are shown here, are in the guide, and run in
// tests; they are fetched when they are shown, and are not part of the first load.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Block } from "../kit/copy";
import { View } from "../kit/view";
import go from "./verify/verify.go?url";
import node from "./verify/verify.js?url";
import python from "./verify/verify.py?url";
import openssl from "./verify/verify.sh?url";

const FILES = { Python: python, Node: node, Go: go, OpenSSL: openssl };
type Language = keyof typeof FILES;
const LANGUAGES = Object.keys(FILES) as Language[];

async function read(language: Language) {
    const answer = await fetch(FILES[language]);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return [language, await answer.text()];
}

export function Snippets() {
    const [language, setLanguage] = useState<Language>("Python");
    // All at once, so that no language is shown with the code of another.
    const code = useQuery({
        queryKey: ["verify"],
        queryFn: async () => Object.fromEntries(await Promise.all(LANGUAGES.map(read))) as Record<Language, string>,
        staleTime: Infinity,
    });
    return (
        <section aria-labelledby="verify">
            <h2 id="verify">Verify signatures</h2>
            <p className="lead">
                Without this check, anybody who knows the URL can post fake events to it. Headers: <code>webhook-id</code>, <code>webhook-timestamp</code>,{" "}
                <code>webhook-signature</code>. <a href="/docs/webhooks#the-raw-body">Where your framework has the raw body</a>
            </p>
            <View query={code} what="the code">
                <Block
                    text={code.data?.[language] ?? ""}
                    label={`Code in ${language} that verifies a signature`}
                    bar={
                        <div className="tabs grow" role="group" aria-label="Language">
                            {LANGUAGES.map((it) => (
                                <button key={it} type="button" className="tab" aria-pressed={it === language} onClick={() => setLanguage(it)}>
                                    {it}
                                </button>
                            ))}
                        </div>
                    }
                />
            </View>
        </section>
    );
}
