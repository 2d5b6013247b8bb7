import { DrcError } from '@drc/protocol';
import type { StoreConfig } from './config.js';
import { DamagedLog, type ExaminedLog } from './log/log-repair.js';
import type { SourcePosition } from './log/set-index.js';
import { sourceOptions } from './source-access.js';
import { binlogFiles } from './source/first-position.js';
import { identityFault } from './source/history-check.js';
import { askServer } from './source/checks/ask-source.js';
import { identityOf } from './source/preflight.js';
import { SourceControl } from './source/source-control.js';

export interface RepairRequest {
  /** Cut the log in front of this transaction at the latest, although it may be sound. */
  readonly before?: number;
  /** Whether to do it. False: a dry run, which changes nothing. */
  readonly apply: boolean;
}

export interface RepairDependencies {
  /** Of the source's user; what it throws is why the source was not asked. */
  readonly sourcePassword: () => Promise<string>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** Whether capture can go on where the log would end. */
export type SourceAnswer =
  | { readonly kind: 'there'; /** Bytes of binlog to read again. */ readonly bytes: number }
  | { readonly kind: 'gone'; readonly oldestFile: string | undefined }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Repair extends ExaminedLog {
  /** Whether there is anything to repair. */
  readonly isWhole: boolean;
  /** Undefined where there is nothing to ask for. */
  readonly source: SourceAnswer | undefined;
  /** The folder in which the database is kept as it was, where it was repaired. */
  readonly keptIn: string | undefined;
}

type RepairedStore = Pick<StoreConfig, 'topic' | 'directory' | 'source'>;

/**
 * Cuts a damaged log off at its last good transaction: the store then captures from there again. Only while the store does
 * not run.
 * @throws DrcError `LOG_LOCKED` while the store runs; `LOG_FORMAT`, `DATA_FOLDER`; `LOG_CORRUPT`, `LOG_MISSING` where too little is
 * left to keep anything; `DISK_RESERVE` where there is no room for the copy
 */
export async function repairStore(
  config: RepairedStore,
  { before, apply }: RepairRequest,
  { sourcePassword, now, signal }: RepairDependencies,
): Promise<Repair> {
  const { topic, directory } = config;
  await using log = await DamagedLog.open({
    directory,
    topic,
    signal,
    ...(before === undefined ? {} : { before }),
  });
  const { proof, beginning, markFault } = log.examined;
  const isWhole = proof.damage === undefined && proof.faults.length === 0 && markFault === undefined;
  const position = proof.end?.position;
  const isElsewhere = (beginning?.sinceLsn ?? 0) > (proof.end?.lsn ?? 0) + 1;
  const source =
    isWhole || position === undefined
      ? undefined
      : isElsewhere
        ? ({ kind: 'unknown', why: 'capture was at another server then; it goes on by GTID' } as const)
        : await askSource(config, position, beginning, sourcePassword, signal);
  const keptIn = apply && !isWhole ? await log.repair(now()) : undefined;
  return { proof, beginning, markFault, isWhole, source, keptIn };
}

async function askSource(
  config: RepairedStore,
  { file, offset }: SourcePosition,
  beginning: ExaminedLog['beginning'],
  password: () => Promise<string>,
  signal: AbortSignal,
): Promise<SourceAnswer> {
  try {
    const options = await sourceOptions(config.source, await password());
    await using control = await SourceControl.connect(options, signal);
    const identity = identityOf(await askServer(control));
    const fault = beginning === undefined ? undefined : identityFault(identity, beginning.identity);
    if (fault !== undefined) return { kind: 'unknown', why: fault.message };
    const files = await binlogFiles(control);
    const index = files.findIndex((one) => one.file === file);
    if (index < 0 || files[index]!.size < offset) return { kind: 'gone', oldestFile: files[0]?.file };
    const bytes = files.slice(index).reduce((sum, { size }) => sum + size, -offset);
    return { kind: 'there', bytes };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DrcError)) throw error;
    return { kind: 'unknown', why: `${error.code}: ${error.message}` };
  }
}
