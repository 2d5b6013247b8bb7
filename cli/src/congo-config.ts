import { Rules, type TableRule } from '@drc/client-sdk/congo';
import { DrcError, isDrcError } from '@drc/protocol';
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseMoment } from './moment.js';
import { tlsSetting } from './tls-files.js';

const port = z.number().int().min(0).max(65_535);
const address = z.url({
  protocol: /^https?$/,
  error: 'must be an address such as http://127.0.0.1:7370',
});
const moment = z.string().refine((text) => isMoment(text), {
  error: 'is not a moment: earliest, latest, -15m, a date like 2026-11-22T08:00Z, or a checkpoint',
});

function isMoment(text: string): boolean {
  try {
    parseMoment(text, 0);
    return true;
  } catch {
    return false;
  }
}

const tables = z
  .array(
    z
      .strictObject({ from: z.string().min(3), to: z.string().min(3).optional() })
      .transform(({ from, to }): TableRule => ({ from, ...(to === undefined ? {} : { to }) })),
  )
  .min(1);

const schema = z.strictObject({
  task: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'has 1-128 ASCII characters without spaces'),
  clusterManager: z.union([address, z.array(address).min(1)], {
    error: 'must be an address such as http://127.0.0.1:7370, or a list of them',
  }),
  user: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  machineKeyFile: z.string().min(1).optional(),
  topic: z.string().min(1),
  from: moment.default('earliest'),
  tables,
  target: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(3306),
      user: z.string().min(1),
      passwordFile: z.string().min(1).optional(),
      tls: tlsSetting,
    })
    .refine(({ host, tls }) => tls === false || (tls !== true && !tls.verify) || isIP(host) === 0, {
      path: ['tls'],
      error: 'cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
    }),
  progressSchema: z.string().min(1).max(64).default('drc'),
  ddl: z.enum(['stop', 'ignore']).default('stop'),
  triggers: z.enum(['refuse', 'allow']).default('refuse'),
  maxBatchRows: z.number().int().min(1).max(1_000_000).default(2_000),
  admin: z.strictObject({ host: z.string().default('127.0.0.1'), port: port.default(7391) }).prefault({}),
});

/** The file of `congo run`; every option stands in docs/congo.md. */
export type CongoConfig = z.infer<typeof schema>;

/** @throws DrcError `CONFIG_INVALID` with all `faults`, each `path: message`. */
export function parseCongoConfig(value: unknown): CongoConfig {
  const parsed = schema.safeParse(value, { reportInput: true });
  const faults = [...(parsed.error?.issues.flatMap(faultsOf) ?? []), ...ruleFaults(value)];
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new DrcError('CONFIG_INVALID', `The task has ${faults.length} fault(s).`, { faults });
}

/** Of rules that are written as rules, but do not work as such. */
function ruleFaults(value: unknown): string[] {
  const parsed = z.looseObject({ tables }).safeParse(value);
  if (!parsed.success) return [];
  const error = errorOf(() => new Rules(parsed.data.tables));
  const faults = (error?.details['faults'] ?? []) as readonly string[];
  return faults.map((fault) => `tables: ${fault}`);
}

function errorOf(make: () => unknown): DrcError | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    if (isDrcError(error)) return error;
    throw error;
  }
}

function faultsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...issue.path, key].join('.')}: is not a setting`);
  }
  const isMissing = ['invalid_type', 'invalid_union'].includes(issue.code) && issue.input === undefined;
  return [`${issue.path.join('.') || 'the file'}: ${isMissing ? 'is missing' : issue.message}`];
}
