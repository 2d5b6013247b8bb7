import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { isDrcError } from '@drc/protocol';
import { auditLog, type AuditOptions, type LogAudit } from './audit/log-audit.js';
import type { LogFault } from './audit/fault-list.js';
import type { LogIdentity } from './meta.js';
import { StoppedLog, type StoppedLogOptions } from './stopped-log.js';

/** What is wrong with a log. */
export interface LogVerification {
  /** Undefined where the database cannot be opened, or does not say what it is. */
  readonly identity: LogIdentity | undefined;
  readonly audit: LogAudit | undefined;
  readonly faultCount: number;
  /** The first 10,000. */
  readonly faults: readonly LogFault[];
}

/**
 * Reads the whole log of a store that does not run and checks every law that can be checked. Nothing is changed.
 * @throws DrcError `LOG_LOCKED` while the store runs; `LOG_MISSING` where there is none; `LOG_FORMAT`, `DATA_FOLDER`; the signal's reason
 */
export async function verifyLog(
  options: StoppedLogOptions,
  { signal, progress }: AuditOptions,
): Promise<LogVerification> {
  let opened: StoppedLog;
  try {
    opened = await StoppedLog.open(options);
  } catch (error) {
    const isDamage =
      isDrcError(error, 'LOG_CORRUPT') ||
      (isDrcError(error, 'LOG_MISSING') && (await hasMark(options.directory)));
    if (!isDamage) throw error;
    const fault: LogFault = { kind: 'database', place: 'the database', found: error.message };
    return { identity: undefined, audit: undefined, faultCount: 1, faults: [fault] };
  }
  await using log = opened;
  const audit = await auditLog(log, { signal, ...(progress === undefined ? {} : { progress }) });
  const { faultCount, faults } = audit;
  return { identity: log.meta.identity, audit, faultCount, faults };
}

/** There was a log, and its database is gone. */
async function hasMark(directory: string): Promise<boolean> {
  return await access(join(directory, 'durable-mark')).then(
    () => true,
    () => false,
  );
}
