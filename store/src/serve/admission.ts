import type { IncomingMessage } from 'node:http';
import { isDrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Ticket, TicketVerifier } from './authorize.js';
import { bearerOf, topicOf, type Refusal } from './upgrade.js';

export interface AdmissionRules {
  readonly topic: string;
  readonly verifier: TicketVerifier;
  /** Browsers' origins that may connect. */
  readonly origins: readonly string[];
  readonly logger: Logger;
}

/** The ticket of a request that may become a session. Cheap checks first; the signature last. */
export function admit(request: IncomingMessage, rules: AdmissionRules): Ticket | Refusal {
  const { origin } = request.headers;
  if (origin !== undefined && !rules.origins.includes(origin)) return { status: 403, code: 'FORBIDDEN' };
  const topic = topicOf(request.url ?? '');
  if (topic === undefined) return { status: 404, code: 'TOPIC_UNKNOWN' };
  if (topic !== rules.topic) return { status: 421, code: 'WRONG_STORE' };
  const text = bearerOf(request);
  if (text === undefined) return { status: 401, code: 'UNAUTHENTICATED' };
  try {
    return rules.verifier.verify(text);
  } catch (error) {
    if (isDrcError(error)) return { status: error.code === 'FORBIDDEN' ? 403 : 401, code: error.code };
    rules.logger.error({ err: error }, 'A ticket could not be checked');
    return { status: 500, code: 'INTERNAL' };
  }
}
