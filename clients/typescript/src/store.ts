// Where a mirror keeps what it reads.

import type { ExportType, ResourceType, Resources } from "./contract.js";

/** How far a mirror is. It is JSON; a store keeps it as it is. */
export interface MirrorState {
    /** Grows each time that the mirror has to begin again, from 1. */
    round: number;
    /** What is mirrored; null for all that the key may read. */
    types: readonly ExportType[] | null;
    /** The last line of the export that is kept, while the export is not whole. */
    exportCursor: string | null;
    /** The last event that is kept; null while the export is not whole. */
    eventsCursor: string | null;
}

export interface Kept<Type extends ResourceType = ResourceType> {
    resource: Resources[Type];
    /** The round in which it was put. */
    round: number;
}

/**
 * What a mirror needs of a store. Calls come one after the other. `save` follows the `put`s that its state tells of, so
 * that a store with transactions begins one with the first `put` and commits it in `save`; one without them keeps the
 * order of the calls. After a crash the mirror goes on from the state that was saved last and puts some things again.
 */
export interface MirrorStore {
    /** The state that was saved last; null at first. */
    load(): Promise<MirrorState | null> | MirrorState | null;
    /** Keeps the state, and with it all that was put before. */
    save(state: MirrorState): Promise<void> | void;
    get<Type extends ResourceType>(type: Type, id: string): Promise<Kept<Type> | null> | Kept<Type> | null;
    /** Adds or replaces one. The mirror has compared versions already. */
    put<Type extends ResourceType>(type: Type, resource: Resources[Type], round: number): Promise<void> | void;
    /** Removes what was put in an earlier round and not since: the server does not have it any more. */
    removeBefore(round: number): Promise<void> | void;
}

/** Keeps a mirror in memory. */
export class MemoryStore implements MirrorStore {
    private state: MirrorState | null = null;
    private readonly kept = new Map<ResourceType, Map<string, Kept>>();

    load(): MirrorState | null {
        return this.state;
    }

    save(state: MirrorState): void {
        this.state = { ...state };
    }

    get<Type extends ResourceType>(type: Type, id: string): Kept<Type> | null {
        return (this.kept.get(type)?.get(id) as Kept<Type> | undefined) ?? null;
    }

    put<Type extends ResourceType>(type: Type, resource: Resources[Type], round: number): void {
        const known = this.kept.get(type) ?? new Map<string, Kept>();
        this.kept.set(type, known.set(resource.id, { resource, round }));
    }

    removeBefore(round: number): void {
        for (const known of this.kept.values()) {
            for (const [id, one] of known) if (one.round < round) known.delete(id);
        }
    }

    /** All that is kept of a type. */
    all<Type extends ResourceType>(type: Type): Resources[Type][] {
        return [...(this.kept.get(type)?.values() ?? [])].map((it) => it.resource as Resources[Type]);
    }
}
