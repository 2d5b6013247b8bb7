import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import type { Clock } from '../clock.js';
import type { LiveReaders } from '../live-readers.js';
import type { PasswordHasher } from '../password.js';
import type { RegistryRecords } from '../registry/records.js';
import type { Registry } from '../registry/registry.js';
import type { Revocations } from '../revocations.js';
import type { SigningKeys } from '../signing-keys.js';
import type { StoreDirectory } from '../store-directory.js';
import type { Topics } from '../topics.js';

/** A change of who may do what, for the audit log and for whoever asked. No secrets in it. */
export interface Change {
  /** What was done, such as `user.disable`. */
  readonly event: string;
  /** To whom: a user's name, `machine:<id>`, `role:<name>`, a token's or key's id, `reader:<principal>/<topic>/<name>`. */
  readonly subject: string;
  /** Absent where it was not there. */
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

/** Of calls that take something away. */
export interface RemovalOptions {
  /** Only say what would change. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** What the parts of the administration work with. */
export interface AdministrationContext {
  readonly registry: Registry;
  readonly passwords: PasswordHasher;
  readonly clock: Clock;
  readonly topics: Topics;
  readonly revocations: Revocations;
  readonly signingKeys: SigningKeys;
  /** Absent where no manager runs. */
  readonly stores?: StoreDirectory | undefined;
  readonly readers?: LiveReaders | undefined;
  readonly turns: Turns;
  /** Told of each change that was made. */
  readonly changed: (change: Change) => void;
}

/** One change after the other, so that what was seen of the other records is still so when one is written. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Other managers change records, too; one that finds a record changed each time has been unlucky ten times. */
const maxAttempts = 10;

/** Kinds that are changed, not only made and removed. */
type ChangedKind = 'user' | 'machineKey' | 'role';

/**
 * Reads a record, makes another of it, and writes that where nobody else wrote in between.
 * @param what how the record is called where it is not there: `REQUEST_INVALID`
 * @returns the record as it was, and as it is
 */
export async function changeRecord<K extends ChangedKind>(
  registry: Registry,
  kind: K,
  key: string,
  what: string,
  next: (value: RegistryRecords[K]) => RegistryRecords[K] | Promise<RegistryRecords[K]>,
): Promise<{ before: RegistryRecords[K]; after: RegistryRecords[K] }> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await registry.get(kind, key);
    if (stored === undefined) throw absent(what);
    const after = await next(stored.value);
    if (await registry.put(kind, key, after, stored.version)) return { before: stored.value, after };
  }
  throw new DrcError('REQUEST_INVALID', `Others keep changing ${what}. Try again.`, { reason: 'conflict' });
}

export const absent = (what: string): DrcError =>
  new DrcError('REQUEST_INVALID', `There is no ${what}.`, { reason: 'absent' });

/** `REQUEST_INVALID` where the value is not as the schema says. */
export function mustBe(schema: z.ZodType, value: unknown, what: string): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  throw new DrcError('REQUEST_INVALID', `This is no ${what}: ${z.prettifyError(parsed.error)}`);
}
