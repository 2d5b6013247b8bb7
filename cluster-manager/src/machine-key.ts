import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import { makeBearerSecret } from './bearer-secret.js';
import { allTables, makeGrant, newGrantSchema, type NewGrant } from './grant-record.js';
import { glob, plainName, type MachineKeyRecord } from './registry/records.js';

/** What a new key is for. */
export interface MachineKeyRequest {
  /** `store`: announces stores of these topics, nothing else. `client`: reads these topics. */
  readonly kind: 'store' | 'client';
  /** Names; for a client also globs. At least one, where a client has no `grants`. */
  readonly topics?: readonly string[] | undefined;
  /** Globs over `schema.table`; for clients. Default: all tables. */
  readonly tables?: readonly string[] | undefined;
  /** For clients: in the place of topics and tables. */
  readonly grants?: readonly NewGrant[] | undefined;
}

export interface MachineKey {
  readonly id: string;
  /** The whole key. It is shown once; only a hash of it is kept. */
  readonly key: string;
}

const list = (item: z.ZodType<string>) => z.array(item).min(1).max(100);
const requestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('store'), topics: list(plainName) }),
  z
    .object({
      kind: z.literal('client'),
      topics: list(glob).optional(),
      tables: list(glob).default([...allTables]),
      grants: z.array(newGrantSchema).max(100).optional(),
    })
    .refine(({ topics, grants }) => topics !== undefined || grants !== undefined, {
      path: ['topics'],
      error: 'must be given, or grants',
    }),
]);

/** `REQUEST_INVALID` for names that cannot be, `CONDITION_INVALID` for conditions. */
export function makeMachineKey(
  request: MachineKeyRequest,
  now: number,
): { machineKey: MachineKey; record: MachineKeyRecord } {
  const parsed = requestSchema.safeParse(request);
  if (!parsed.success) {
    throw new DrcError('REQUEST_INVALID', `A machine key cannot be made: ${z.prettifyError(parsed.error)}`, {
      faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    });
  }
  const { id, text, secretHash } = makeBearerSecret('drcmk');
  const common = { id, secretHash, disabled: false, createdAt: now };
  if (parsed.data.kind === 'store') {
    return {
      machineKey: { id, key: text },
      record: { kind: 'store', ...common, topics: parsed.data.topics },
    };
  }
  const { topics = [], tables, grants = [{ topics, tables }] } = parsed.data;
  return {
    machineKey: { id, key: text },
    record: { kind: 'client', ...common, roles: [], grants: grants.map(makeGrant) },
  };
}
