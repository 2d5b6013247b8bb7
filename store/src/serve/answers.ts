import { DrcError, encodeMessage, type ErrorDetails, type StoreMessage } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { ServeCounters } from './serve-counters.js';
import type { SessionSocket } from './session-environment.js';
import type { SessionEnd } from './session-state.js';

/** Control messages may not pile up for a client that does not read. */
const maxUnsentControlBytes = 256 * 1024;
/** Between two warnings, ms. */
const fallingPauseMs = 10_000;

export interface AnswersParts {
  readonly socket: SessionSocket;
  /** What data frames may take of the socket beside them. */
  readonly maxUnsentBytes: number;
  readonly counters: ServeCounters;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a store says to one client beside the stream. */
export class Answers {
  readonly #parts: AnswersParts;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  /** @throws DrcError `RATE_LIMITED` where the client does not read them. */
  send(message: StoreMessage): void {
    const { socket, maxUnsentBytes } = this.#parts;
    if (socket.unsentBytes > maxUnsentControlBytes + maxUnsentBytes) {
      throw new DrcError('RATE_LIMITED', 'Answers pile up for a client that does not read.');
    }
    socket.send(encodeMessage(message), () => undefined);
  }

  /** As `send`, for many of them: resolves when it is with the kernel, or lost with the connection. */
  async sent(message: StoreMessage): Promise<void> {
    await new Promise<void>((resolve) => this.#parts.socket.send(encodeMessage(message), resolve));
  }

  /** What the reader needs next is trimmed in about this time: it is told, at most once in ten seconds. */
  warnOfFall(inMs: number): void {
    const now = this.#parts.clock.monotonic();
    if (now - this.#warnedAt < fallingPauseMs) return;
    this.#warnedAt = now;
    this.send({ type: 'falling', inMs: Math.round(inMs) });
  }

  /** The last of them. */
  fail({ code, message }: NonNullable<SessionEnd['error']>, given: ErrorDetails): void {
    const { socket, counters, logger } = this.#parts;
    counters.refuse(code);
    logger.info({ code, reason: message, details: given }, 'The session ends with an error');
    const details = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    socket.send(encodeMessage({ type: 'error', code, message, details }), () => undefined);
  }
}
