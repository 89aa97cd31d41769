// The field of a key's own share of the rate limit.

import type { Failure } from "../failure";
import { Text } from "../kit/field";

/** The share as an update takes it: 0 for none. What is no share goes to the server as a number that it refuses in words. */
export const shareOf = (text: string) => (text.trim() ? (/^\d{1,9}$/.test(text.trim()) && Number(text)) || 0xffffffff : 0);

export function Share({ failure, ...input }: { value: string; onChange: (value: string) => void; failure?: Failure }) {
    return (
        <Text
            label="Requests a minute"
            optional
            inputMode="numeric"
            hint="At most so many of the workspace’s. Leave empty to share them all."
            error={failure?.field("requests_per_minute", "The number")}
            {...input}
        />
    );
}
