// Code that checks a signature, to take away. The files beside this one are what is shown, and what the tests run.

import { useState } from "react";
import { Block } from "../kit/copy";
import go from "./verify/verify.go?raw";
import node from "./verify/verify.js?raw";
import python from "./verify/verify.py?raw";
import openssl from "./verify/verify.sh?raw";

const LANGUAGES = { Python: python, Node: node, Go: go, OpenSSL: openssl };
type Language = keyof typeof LANGUAGES;

export function Snippets() {
    const [language, setLanguage] = useState<Language>("Python");
    return (
        <section aria-labelledby="verify">
            <h2 id="verify">Verify signatures</h2>
            <p className="lead">
                Without this check, anybody who knows the URL can post fake events to it. Headers: <code>webhook-id</code>, <code>webhook-timestamp</code>,{" "}
                <code>webhook-signature</code>.
            </p>
            <Block
                text={LANGUAGES[language]}
                label={`Code in ${language} that verifies a signature`}
                bar={
                    <div className="tabs grow" role="group" aria-label="Language">
                        {(Object.keys(LANGUAGES) as Language[]).map((it) => (
                            <button key={it} type="button" className="tab" aria-pressed={it === language} onClick={() => setLanguage(it)}>
                                {it}
                            </button>
                        ))}
                    </div>
                }
            />
        </section>
    );
}
