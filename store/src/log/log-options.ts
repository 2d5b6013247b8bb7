import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { LogHooks } from './log-hooks.js';

export interface LogOptions {
  /** The data folder of one topic; made where it is missing. */
  readonly directory: string;
  readonly topic: string;
  /** How long transactions stay, by log time. Default 24 h. */
  readonly retentionMs?: number;
  /** What the log may take of the disk, bytes; beyond that the oldest transactions go. Default: no limit. */
  readonly retentionBytes?: number;
  /** The oldest transaction that somebody still needs, however large the log becomes. Default: none. */
  readonly neededFrom?: () => number;
  /** How long an acknowledged transaction may live in the operating system's memory only. Default 200. */
  readonly syncIntervalMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Free space that capture leaves alone. Default: the larger of 2 GiB and 5 % of the disk. */
  readonly diskReserveBytes?: number;
  /** For crash tests. */
  readonly hooks?: LogHooks;
}

export const defaultRetentionMs = 86_400_000;
export const defaultSyncIntervalMs = 200;
