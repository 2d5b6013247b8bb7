import { type OriginOptions, ruleFaults } from '@drc/client-sdk/congo';
import { configFaults, DrcError, isTransactionId, siteNamePattern } from '@drc/protocol';
import { isIP } from 'node:net';
import { z } from 'zod';
import { isLoopback } from './congo-admin.js';
import { tableRule, toTableRule } from './congo-rules.js';
import { parseBeginning } from './moment.js';
import { managerTlsSetting, plaintextSetting, tlsSetting } from './tls-files.js';

const port = z.number().int().min(0).max(65_535);
const address = z.url({
  protocol: /^https?$/,
  error: 'must be an address such as http://127.0.0.1:7370',
});
const moment = z.string().refine((text) => isMoment(text), {
  error:
    'is not a moment: snapshot, earliest, latest, -15m, a date like 2026-11-22T08:00Z, the id of a transaction, after: and a set of them, or a checkpoint',
});

function isMoment(text: string): boolean {
  try {
    parseBeginning(text, Date.now(), '');
    return true;
  } catch {
    return false;
  }
}

const rule = tableRule.transform(toTableRule);

const site = z.string().regex(siteNamePattern, 'is no name of 1 to 28 small letters, digits or underscores');
const sites = z
  .array(z.union([z.literal(''), site]))
  .min(1)
  .max(100);
const originSettings = z
  .strictObject({
    mark: site,
    exclude: sites.optional(),
    include: sites.optional(),
    targetTopic: z.string().min(1).optional(),
  })
  .refine(({ include, exclude }) => (include === undefined) !== (exclude === undefined), {
    error: 'needs either exclude or include',
  })
  .transform(definedOnly);

/** Absent, not undefined. */
function definedOnly({ mark, exclude, include, targetTopic }: OriginSettings): OriginOptions {
  return {
    mark,
    ...(exclude && { exclude }),
    ...(include && { include }),
    ...(targetTopic !== undefined && { targetTopic }),
  };
}

interface OriginSettings {
  readonly mark: string;
  readonly exclude?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly targetTopic?: string | undefined;
}

/** One task. */
export const taskSettings = z.strictObject({
  task: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'has 1-128 ASCII characters without spaces'),
  clusterManager: z.union([address, z.array(address).min(1)], {
    error: 'must be an address such as http://127.0.0.1:7370, or a list of them',
  }),
  user: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  machineKeyFile: z.string().min(1).optional(),
  managerTls: managerTlsSetting.optional(),
  plaintext: plaintextSetting.optional(),
  topic: z.string().min(1),
  from: moment.default('earliest'),
  tables: z.array(rule).min(1),
  match: z.enum(['first', 'all']).default('first'),
  snapshot: z.strictObject({ tables: z.array(z.string().min(3)).min(1) }).optional(),
  acknowledgeGaps: z
    .array(z.string().refine(isTransactionId, { error: 'is no id of a transaction' }))
    .max(100)
    .default([]),
  target: z.strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: port.default(3306),
    user: z.string().min(1),
    passwordFile: z.string().min(1).optional(),
    tls: tlsSetting,
  }),
  progressSchema: z.string().min(1).max(64).default('drc'),
  ddl: z.enum(['stop', 'ignore']).default('stop'),
  triggers: z.enum(['refuse', 'allow']).default('refuse'),
  maxBatchRows: z.number().int().min(1).max(1_000_000).default(2_000),
  atomic: z.enum(['transaction', 'row']).default('transaction'),
  workers: z.number().int().min(1).max(64).default(4),
  origin: originSettings.optional(),
  admin: z
    .strictObject({
      host: z
        .string()
        .refine(isLoopback, 'must be a loopback address: 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)')
        .default('127.0.0.1'),
      port: port.default(7391),
    })
    .prefault({}),
});

/** The file of `congo run`; every option stands in docs/congo.md. */
export type CongoConfig = z.infer<typeof taskSettings>;

/** @throws DrcError `CONFIG_INVALID` with all `faults`, each `path: message`. */
export function parseCongoConfig(value: unknown): CongoConfig {
  const parsed = taskSettings.safeParse(value, { reportInput: true });
  const faults = [
    ...configFaults(parsed.error?.issues ?? []),
    ...faultsOfRules(value),
    ...faultsOfTarget(value),
  ];
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new DrcError('CONFIG_INVALID', `The task has ${faults.length} fault(s).`, { faults });
}

/** Of what is written as a rule, but does not work as one; told beside faults of its neighbours. */
function faultsOfRules(value: unknown): string[] {
  const named = z.looseObject({
    tables: z.array(z.unknown()),
    match: z.enum(['first', 'all']).catch('first'),
  });
  const given = named.safeParse(value);
  if (!given.success) return [];
  const { tables, match } = given.data;
  return ruleFaults(
    tables.map((item) => rule.safeParse(item).data),
    match,
  );
}

/** A certificate tells names. */
function faultsOfTarget(value: unknown): string[] {
  const named = z.looseObject({
    target: z.looseObject({ host: z.string().default('127.0.0.1'), tls: tlsSetting }),
  });
  const given = named.safeParse(value);
  if (!given.success) return [];
  const { host, tls } = given.data.target;
  if (tls === false || (tls !== true && !tls.verify) || isIP(host) === 0) return [];
  return [
    'target.tls: cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
  ];
}
