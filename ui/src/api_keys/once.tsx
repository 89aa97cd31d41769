// A new key, shown once, with a command that tries it.

import { Block } from "../kit/copy";
import { SecretOnce } from "../kit/secret";

export function KeyOnce({ secret, onClose }: { secret: string; onClose: () => void }) {
    const curl = `curl -H "Authorization: Bearer ${secret}" ${location.origin}/api/v1/me`;
    return (
        <SecretOnce title="Copy your API key" what="key" secret={secret} onClose={onClose}>
            <Block text={curl} label="Try it" bar={<span className="grow">Try it</span>} />
        </SecretOnce>
    );
}
