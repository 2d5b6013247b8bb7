import { DrcError, type Grant, type GrantRule } from '@drc/protocol';
import picomatch from 'picomatch';
import type { GrantRecord } from './registry/records.js';

/** What a token that it came with says: its tickets name it, and end with it. */
export interface TokenUse {
  readonly id: string;
  /** ms since 1970 */
  readonly expiresAt: number;
}

interface Reader {
  readonly name: string;
  /** Its own, and those of its roles. */
  readonly grants: readonly GrantRecord[];
  /** Absent: it came with its password or key. */
  readonly token?: TokenUse;
}

/** Who asks. `name` is unique over users and machine keys; it stands in tickets and in the audit log. */
export type Principal =
  | (Reader & { readonly kind: 'user'; readonly administrator: boolean })
  | (Reader & { readonly kind: 'client' })
  | { readonly kind: 'store'; readonly name: string; readonly topics: readonly string[] };

/**
 * The longest grant, as JSON, in bytes. A ticket with it is below 7,168 characters: it travels in the head of a request,
 * which stores and managers bound to 8 KiB.
 */
export const maxGrantBytes = 4608;

/** Whether the principal may know of the topic. */
export function maySee(principal: Principal, topic: string): boolean {
  if (principal.kind === 'store') return principal.topics.includes(topic);
  return principal.grants.some((grant) => isOf(grant, topic));
}

/** The principal may read something of the topic: else as `grantFor`. */
export function mustRead(
  principal: Principal,
  topic: string,
  exists: boolean,
): asserts principal is Exclude<Principal, { readonly kind: 'store' }> {
  if (principal.kind === 'store') {
    throw new DrcError('FORBIDDEN', 'A store key announces stores; it does not read.');
  }
  if (!exists || !maySee(principal, topic)) {
    throw new DrcError('TOPIC_UNKNOWN', `There is no topic ${topic} for this principal.`, { topic });
  }
}

/**
 * What the principal may read of the topic. A topic that it may not see and one that does not exist are the same
 * `TOPIC_UNKNOWN`, so that nobody can find out names by asking. A store key reads nothing: `FORBIDDEN`. So is a grant that
 * no ticket can hold, with the reason `grantTooLarge`.
 */
export function grantFor(principal: Principal, topic: string, exists: boolean): Grant {
  mustRead(principal, topic, exists);
  const grant = unionOf(principal.grants, topic);
  const bytes = grantBytes(grant);
  if (bytes > maxGrantBytes) {
    throw new DrcError('FORBIDDEN', tooLarge(principal.name, topic, bytes), {
      reason: 'grantTooLarge',
      topic,
      bytes,
    });
  }
  return grant;
}

/** The rules of all grants that name the topic. Those that differ in their tables only are one. */
export function unionOf(grants: readonly GrantRecord[], topic: string): Grant {
  const rules = new Map<string, { tables: Set<string>; rest: Omit<GrantRule, 'tables'> }>();
  for (const grant of grants) {
    if (!isOf(grant, topic)) continue;
    const rest = restOf(grant);
    const key = JSON.stringify(rest);
    const rule = rules.get(key) ?? { tables: new Set(), rest };
    for (const table of grant.tables) rule.tables.add(table);
    rules.set(key, rule);
  }
  return { rules: [...rules.values()].map(({ tables, rest }) => ({ tables: [...tables], ...rest })) };
}

export const grantBytes = (grant: Grant): number => Buffer.byteLength(JSON.stringify(grant));

export const tooLarge = (principal: string, topic: string, bytes: number): string =>
  `What ${principal} may read of ${topic} takes ${bytes} bytes, and a ticket holds ${maxGrantBytes}: use globs in the place of lists, and fewer or shorter conditions.`;

/** Store keys announce, and only the topics they are bound to; anything else is `FORBIDDEN`. */
export function mustAnnounce(principal: Principal, topic: string): void {
  if (principal.kind !== 'store' || !principal.topics.includes(topic)) {
    throw new DrcError('FORBIDDEN', `This key may not announce stores of the topic ${topic}.`, { topic });
  }
}

/** An administrator who logged in with the password: tokens are for reading. Else `FORBIDDEN`. */
export function mustAdminister(principal: Principal): void {
  if (principal.kind !== 'user' || !principal.administrator) {
    throw new DrcError('FORBIDDEN', 'Only an administrator may do that.');
  }
  if (principal.token !== undefined) {
    throw new DrcError('FORBIDDEN', 'A token is for reading. Log in with name and password for that.');
  }
}

const isOf = (grant: GrantRecord, topic: string): boolean =>
  picomatch.isMatch(topic, [...grant.topics], globOptions);

/** In one order, without what is as by default: equal ones have equal texts. */
function restOf({ where, drop = [], hash = [], snapshot, backfill }: GrantRecord): Omit<GrantRule, 'tables'> {
  return {
    ...(where === undefined ? {} : { where }),
    ...(drop.length === 0 ? {} : { drop: [...new Set(drop)].sort() }),
    ...(hash.length === 0 ? {} : { hash: [...new Set(hash)].sort() }),
    ...(snapshot === true ? { snapshot } : {}),
    ...(backfill === true ? { backfill } : {}),
  };
}

/** Names with dots in front are names like others; brackets and braces are names, not patterns. */
const globOptions = { dot: true, nobrace: true, noextglob: true, nobracket: true, nonegate: true } as const;
