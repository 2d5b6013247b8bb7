import { DrcError, isErrorCode, type ErrorDetails } from '@drc/protocol';

/*
 * What a cluster manager or a store answers over HTTP when it refuses:
 *
 *   { "error": { "code": one of errors.ts, "message": text, "details"?: { name: text | number | boolean | text[] } } }
 */

/** The error in the body; undefined where it is none of ours. */
export function errorOfBody(body: string): DrcError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const error = isObject(value) ? value['error'] : undefined;
  if (!isObject(error) || !isErrorCode(error['code'])) return undefined;
  const message = typeof error['message'] === 'string' ? error['message'] : error['code'];
  return new DrcError(error['code'], message, detailsOf(error['details']));
}

const detailsOf = (value: unknown): ErrorDetails =>
  isObject(value)
    ? (Object.fromEntries(Object.entries(value).filter(([, item]) => isDetail(item))) as ErrorDetails)
    : {};

const isDetail = (item: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof item) ||
  (Array.isArray(item) && item.every((text) => typeof text === 'string'));

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
