// The events of an endpoint: all, or some, by family.

import { useQuery } from "@connectrpc/connect-query";
import { type EventType, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { Check } from "../kit/field";
import { View } from "../kit/view";

const GROUPS: Record<string, string> = { ticket: "Tickets", message: "Messages", inbox: "Inboxes" };
/** Groups whose later events can be asked for too. */
const OPEN = ["ticket", "message"];

interface Props {
    value: string[];
    onChange: (value: string[]) => void;
    error?: string;
}

export function EventsField({ value, onChange, error }: Props) {
    const types = useQuery(WebhookService.method.listEventTypes, {}, { staleTime: Infinity });
    const all = value.includes("*");
    const known = types.data?.eventTypes ?? [];
    const groups = [...new Set(known.map((it) => it.group))];
    return (
        <fieldset>
            <legend>Events</legend>
            <p id="events-about" className="error">
                {error && (value.length ? error : "Choose at least one event.")}
            </p>
            <div className="radios">
                <label className="check">
                    <input type="radio" name="which" checked={all} onChange={() => onChange(["*"])} />
                    <span>
                        All events<small>Including those added later.</small>
                    </span>
                </label>
                <label className="check">
                    <input
                        type="radio"
                        name="which"
                        checked={!all}
                        onChange={() => onChange(all ? [] : value)}
                        aria-invalid={!!error}
                        aria-describedby="events-about"
                    />
                    <span>Only these</span>
                </label>
            </div>
            {!all && (
                <View query={types} what="event types">
                    {groups.map((group) => (
                        <Group key={group} group={group} types={known.filter((it) => it.group === group)} value={value} onChange={onChange} />
                    ))}
                </View>
            )}
        </fieldset>
    );
}

interface GroupProps extends Omit<Props, "error"> {
    group: string;
    types: EventType[];
}

function Group({ group, types, value, onChange }: GroupProps) {
    const names = types.map((it) => it.name);
    const whole = `${group}.*`;
    const others = value.filter((it) => it !== whole && !names.includes(it));
    const chosen = value.includes(whole) ? names : names.filter((it) => value.includes(it));
    const complete = chosen.length === names.length;
    const set = (next: string[]) => onChange([...others, ...(next.length === names.length && OPEN.includes(group) ? [whole] : next)]);
    return (
        <div className="group">
            {names.length > 1 && (
                <Check
                    label={<strong>{GROUPS[group] ?? group}</strong>}
                    checked={complete}
                    mixed={!complete && chosen.length > 0}
                    onChange={(on) => set(on ? names : [])}
                />
            )}
            <div className={names.length > 1 ? "inner" : undefined}>
                {types.map(({ name, description }) => (
                    <Check
                        key={name}
                        label={<code>{name}</code>}
                        hint={description}
                        checked={chosen.includes(name)}
                        onChange={(on) => set(on ? names.filter((it) => it === name || chosen.includes(it)) : chosen.filter((it) => it !== name))}
                    />
                ))}
            </div>
        </div>
    );
}
