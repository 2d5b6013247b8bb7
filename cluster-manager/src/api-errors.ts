import { DrcError, type ErrorCode, type ErrorDetails } from '@drc/protocol';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Those that are not here are faults of the manager: 500. */
const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  REQUEST_INVALID: 400,
  CHECKPOINT_INVALID: 400,
  CONDITION_INVALID: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TOPIC_UNKNOWN: 404,
  TOPIC_CONFIG_MISMATCH: 409,
  CHECKPOINT_FENCED: 409,
  CHECKPOINT_MOVED: 409,
  RETENTION_EXPIRED: 410,
  RATE_LIMITED: 429,
  STORE_UNAVAILABLE: 503,
  REGISTRY_UNAVAILABLE: 503,
};

export interface ErrorAnswer {
  readonly status: ContentfulStatusCode;
  readonly code: ErrorCode;
  readonly body: { error: { code: ErrorCode; message: string; details: ErrorDetails } };
  readonly headers: Record<string, string>;
}

/** What a client gets to see of an error: never a stack, and nothing of errors that are not for it. */
export function answerOf(error: unknown): ErrorAnswer {
  // Hono's own: a body that is no JSON, for example.
  if (error instanceof HTTPException) return answer('REQUEST_INVALID', error.message, {}, error.status);
  if (!(error instanceof DrcError)) return internal;
  const { code, message, details } = error;
  const status = statuses[code];
  if (status === undefined) return internal;
  return answer(code, message, details, status);
}

export const unknownRoute = (): ErrorAnswer =>
  answer('REQUEST_INVALID', 'There is nothing at this address with this method.', {}, 404);

export const bodyTooLarge = (bytes: number): ErrorAnswer =>
  answer('REQUEST_INVALID', `The body is larger than ${bytes} bytes.`, {}, 413);

export const lengthRequired = (): ErrorAnswer =>
  answer('REQUEST_INVALID', 'The body must come with its Content-Length.', {}, 411);

function answer(
  code: ErrorCode,
  message: string,
  details: ErrorDetails,
  status: ContentfulStatusCode,
): ErrorAnswer {
  const headers: Record<string, string> = {};
  if (code === 'UNAUTHENTICATED') headers['WWW-Authenticate'] = 'Bearer';
  if (typeof details['retryAfterMs'] === 'number') {
    headers['Retry-After'] = String(Math.ceil(details['retryAfterMs'] / 1000));
  }
  return { status, code, headers, body: { error: { code, message, details } } };
}

const internal = answer('INTERNAL', 'The cluster manager failed; its log says more.', {}, 500);
