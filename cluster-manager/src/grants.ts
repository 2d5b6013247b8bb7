import { DrcError, type Grant } from '@drc/protocol';
import picomatch from 'picomatch';
import type { Reads } from './registry/records.js';

/** Who asks. `name` is unique over users and machine keys; it stands in tickets and in the audit log. */
export type Principal =
  | { readonly kind: 'user'; readonly name: string; readonly administrator: boolean; readonly reads: Reads }
  | { readonly kind: 'client'; readonly name: string; readonly reads: Reads }
  | { readonly kind: 'store'; readonly name: string; readonly topics: readonly string[] };

/** Whether the principal may know of the topic. */
export function maySee(principal: Principal, topic: string): boolean {
  if (principal.kind === 'store') return principal.topics.includes(topic);
  return picomatch.isMatch(topic, [...principal.reads.topics], globOptions);
}

/**
 * What the principal may read of the topic. A topic that it may not see and one that does not exist are the same
 * `TOPIC_UNKNOWN`, so that nobody can find out names by asking. A store key reads nothing: `FORBIDDEN`.
 */
export function grantFor(principal: Principal, topic: string, exists: boolean): Grant {
  if (principal.kind === 'store') {
    throw new DrcError('FORBIDDEN', 'A store key announces stores; it does not read.');
  }
  if (!exists || !maySee(principal, topic)) {
    throw new DrcError('TOPIC_UNKNOWN', `There is no topic ${topic} for this principal.`, { topic });
  }
  return { tables: principal.reads.tables };
}

/** Store keys announce, and only the topics they are bound to; anything else is `FORBIDDEN`. */
export function mustAnnounce(principal: Principal, topic: string): void {
  if (principal.kind !== 'store' || !principal.topics.includes(topic)) {
    throw new DrcError('FORBIDDEN', `This key may not announce stores of the topic ${topic}.`, { topic });
  }
}

export function mustAdminister(principal: Principal): void {
  if (principal.kind !== 'user' || !principal.administrator) {
    throw new DrcError('FORBIDDEN', 'Only an administrator may do that.');
  }
}

/** Names with dots in front are names like others; brackets and braces are names, not patterns. */
const globOptions = { dot: true, nobrace: true, noextglob: true, nobracket: true, nonegate: true } as const;
