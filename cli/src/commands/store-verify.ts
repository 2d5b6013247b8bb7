import { type AuditProgress, type LogFault, type LogVerification, verifyLog } from '@drc/store';
import { ExitCode } from '../exit-code.js';
import { explainLocked, logFolderOf, type LogFolder, type LogFolderFlags } from '../log-folder.js';
import { ProgressLine } from '../progress-line.js';
import { bytesText, countOf, countText, durationText, timeText } from '../quantity-text.js';

export interface StoreVerifyFlags extends LogFolderFlags {
  readonly output: 'text' | 'json';
}

/** Reads a whole log and tells all that is wrong with it. */
export async function storeVerify(flags: StoreVerifyFlags, signal: AbortSignal): Promise<void> {
  const folder = await logFolderOf(flags);
  const { verification, elapsedMs } = await verified(folder, signal);
  const text =
    flags.output === 'json'
      ? verificationJson(verification, folder)
      : verificationText(verification, folder, elapsedMs);
  process.stdout.write(`${text}\n`);
  if (verification.faultCount > 0) process.exitCode = ExitCode.logDamaged;
}

/** Verifies with a line of progress. */
export async function verified(
  folder: LogFolder,
  signal: AbortSignal,
): Promise<{ readonly verification: LogVerification; readonly elapsedMs: number }> {
  using line = new ProgressLine();
  const progress = (step: AuditProgress): void =>
    line.show({
      share: step.ofTransactions === 0 ? 1 : step.transactions / step.ofTransactions,
      text: progressText(step, line.elapsedMs),
    });
  const verification = await verifyLog(folder, { signal, progress }).catch((error: unknown) => {
    throw explainLocked(error, folder.directory, 'verify its log');
  });
  return { verification, elapsedMs: line.elapsedMs };
}

function progressText({ transactions, bytes, faults }: AuditProgress, elapsedMs: number): string {
  const found = faults === 0 ? '' : `, ${countOf(faults, 'fault')}`;
  const rate = bytesText((bytes / Math.max(1, elapsedMs)) * 1000);
  return `${countOf(transactions, 'transaction')}, ${rate}/s${found}`;
}

/** What was read, then each fault in a line, then what to do. */
export function verificationText(
  { identity, audit, faults, faultCount }: LogVerification,
  { directory, topic }: LogFolder,
  elapsedMs: number,
): string {
  const name = identity?.topic ?? topic ?? directory;
  const lines: string[] = [];
  if (audit !== undefined) {
    const { transactions, rows, chunks, bytes, first, last, times, prepared, gapCount, leftOver } = audit;
    const rate = bytesText((bytes / Math.max(1, elapsedMs)) * 1000);
    lines.push(
      `read     ${countOf(transactions, 'transaction')}, ${countOf(rows, 'row')}, ${countOf(chunks, 'chunk')}, ${bytesText(bytes)} in ${durationText(elapsedMs)} (${rate}/s)`,
      last < first
        ? 'extent   no transactions'
        : `extent   ${first} to ${last}${times === undefined ? '' : `, ${timeText(times.oldest)} to ${timeText(times.newest)}`}`,
      ...audit.tables.map(
        (table) =>
          `table    ${table.name}: ${countOf(table.rows, 'row')}, ${countOf(table.versions, 'version')}`,
      ),
      ...prepared.map(
        ({ xid, lsn, rows: waiting }) =>
          `prepared ${xid}: ${countOf(waiting, 'row')}, since transaction ${lsn}`,
      ),
      ...audit.gaps.map(({ lsn, transaction, reason }) => `gap      ${transaction} at ${lsn}: ${reason}`),
      ...(gapCount > audit.gaps.length ? [`gap      … ${countText(gapCount)} in all`] : []),
      ...(leftOver === 0 ? [] : [`left     ${countOf(leftOver, 'chunk')} that the store will delete`]),
    );
  }
  lines.push(...faults.map(faultText));
  if (faultCount > faults.length) lines.push(`fault    … ${countText(faultCount)} in all`);
  const title =
    faultCount === 0
      ? `The log of ${name} is whole:`
      : `The log of ${name} has ${countOf(faultCount, 'fault')}:`;
  return [title, ...lines.map((line) => `  ${line}`), ...(faultCount === 0 ? [] : [advice])].join('\n');
}

const advice =
  '`drc store repair` shows what can be kept, and cuts the log off in front of the damage; the store captures the rest again.';

const faultText = ({ place, found }: LogFault): string => `fault    ${place}: ${found}`;

/** One document; `format` changes when anything but an addition does. */
export function verificationJson(
  { identity, audit, faults, faultCount }: LogVerification,
  { directory, topic }: LogFolder,
): string {
  return JSON.stringify({
    format: 1,
    directory,
    topic: identity?.topic ?? topic ?? null,
    lineage: identity?.lineage ?? null,
    result: faultCount === 0 ? 'whole' : 'damaged',
    faultCount,
    faults,
    contents: audit === undefined ? null : contentsJson(audit),
  });
}

function contentsJson(audit: NonNullable<LogVerification['audit']>): object {
  const {
    first,
    last,
    times,
    transactions,
    chunks,
    rows,
    bytes,
    tables,
    prepared,
    gapCount,
    gaps,
    leftOver,
  } = audit;
  return {
    first,
    last,
    times: times ?? null,
    transactions,
    chunks,
    rows,
    bytes,
    tables,
    prepared,
    gapCount,
    gaps,
    leftOver,
  };
}
