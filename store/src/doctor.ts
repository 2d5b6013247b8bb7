import { DrcError, isDrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import { type Clock, systemClock } from './clock.js';
import type { StoreConfig } from './config.js';
import { hasLog } from './data-folder.js';
import { TransactionLog } from './log/transaction-log.js';
import { sourceOptions } from './source-access.js';
import type { Answer } from './source/checks/facts.js';
import { type HostDiagnosis, diagnoseHosts } from './source/doctor.js';
import { TableFilter } from './source/table-filter.js';

export interface DoctorDependencies {
  readonly logger: Logger;
  /** Of the source's user. */
  readonly sourcePassword: string;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Checks the source of a store, each of its hosts, as the store itself does at its start, and more. Changes nothing on the source; a data
 * folder that is there is opened and closed again.
 * @throws DrcError where the files of the configuration cannot be read; all else is a finding.
 */
export async function examineSource(
  config: Pick<StoreConfig, 'topic' | 'directory' | 'source' | 'capture' | 'log'>,
  { logger, sourcePassword, clock = systemClock }: DoctorDependencies,
): Promise<readonly HostDiagnosis[]> {
  return await diagnoseHosts({
    source: await sourceOptions(config.source, sourcePassword),
    filter: new TableFilter(config.capture),
    retentionMs: config.log.retentionMs,
    clock,
    storeServerId: await storeServerId(config, logger, clock),
  });
}

/** Undefined where there is no store's folder yet: it will draw a new id. */
async function storeServerId(
  { directory, topic }: Pick<StoreConfig, 'topic' | 'directory'>,
  logger: Logger,
  clock: Clock,
): Promise<Answer<number> | undefined> {
  try {
    if (!(await hasLog(directory))) return undefined;
    await using log = await TransactionLog.open({ directory, topic, clock, logger });
    return { value: log.replicaServerId };
  } catch (error) {
    if (isDrcError(error, 'LOG_LOCKED'))
      return {
        refusal: new DrcError(
          'LOG_LOCKED',
          'The store is running; it notices a clash by itself (SERVER_ID_IN_USE).',
        ),
      };
    if (error instanceof DrcError) return { refusal: error };
    throw error;
  }
}
