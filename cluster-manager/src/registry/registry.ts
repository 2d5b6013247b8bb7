import type { RecordKind, RegistryRecords } from './records.js';

export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  /** Another number after each change: what compare-and-set compares. */
  readonly version: number;
}

/** What must be there for a write to happen: this version, nothing, or no matter what. */
export type Expected = number | 'absent' | 'any';

/** Whether what is read is what there is. */
export type RegistryState =
  /** Up to what is on its way: changes of other managers are seen as soon as they are told of. */
  | { readonly kind: 'live' }
  /**
   * Only what was there `ageMs` ago is known, and no changes are taken; while `isReadable` that is what is answered.
   * `reason` is a sentence for people.
   */
  | {
      readonly kind: 'cutOff';
      readonly ageMs: number;
      readonly isReadable: boolean;
      readonly reason: string;
    };

/** A record to begin with. */
export type FirstRecord = {
  [K in RecordKind]: { kind: K; key: string; value: RegistryRecords[K] };
}[RecordKind];

/**
 * All that the managers of a cluster must not forget: users, machine keys, public signing keys, the cluster's name.
 * Laws: what `put` or `delete` has answered survives kill -9 and power loss; a change is seen whole or not at all;
 * a damaged registry is refused (`REGISTRY_CORRUPT`), never read as an empty or older one. A method called after
 * `close` fails with `CLOSED`. Where it is shared with other managers, it may be cut off from them (`state`): then changes
 * fail with `REGISTRY_UNAVAILABLE`, and after a time reading does, too. Of a change that fails so with `outcome: 'unknown'`
 * nobody knows whether it was made, or still will be.
 */
export interface Registry extends AsyncDisposable {
  readonly state: RegistryState;
  get<K extends RecordKind>(kind: K, key: string): Promise<Stored<RegistryRecords[K]> | undefined>;
  /** All records of a kind, sorted by key. */
  list<K extends RecordKind>(kind: K): Promise<readonly Stored<RegistryRecords[K]>[]>;
  /** False where something else was there than expected; nothing is written then. */
  put<K extends RecordKind>(
    kind: K,
    key: string,
    value: RegistryRecords[K],
    expected: Expected,
  ): Promise<boolean>;
  /** False where nothing, or another version, was there. */
  delete(kind: RecordKind, key: string, expected: number | 'any'): Promise<boolean>;
  /** Waits for the writes under way. Closing twice is fine. */
  close(): Promise<void>;
}

/** Named points at which a crash test stops the process. Given by a test's main only. */
export interface RegistryHooks {
  at?(point: RegistryPoint): void | Promise<void>;
}

export type RegistryPoint = 'registry.before-batch' | 'registry.after-batch' | 'registry.after-mark';
