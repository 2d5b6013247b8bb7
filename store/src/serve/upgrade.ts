import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@drc/protocol';

/** Why an upgrade is refused. */
export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
}

/** The topic that the path of a request names; undefined where it is no path of a stream. */
export function topicOf(url: string): string | undefined {
  const [, encoded] = /^\/v1\/stream\/([^/?#]+)$/.exec(url) ?? [];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** The ticket of a request; undefined where it has none that could be one. */
export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(headers.authorization ?? '')?.[1];
}

export const remoteOf = (socket: Duplex): string | undefined => (socket as Partial<Socket>).remoteAddress;
