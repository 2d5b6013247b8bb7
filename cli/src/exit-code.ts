import { DrcError } from '@drc/protocol';

/** What the commands return to the shell. Documented in docs/operations.md. */
export const ExitCode = {
  /** Done, or stopped by SIGINT or SIGTERM after draining. */
  ok: 0,
  /** A typed error ended the command; it stands on stderr. */
  failed: 1,
  /** The command line or a configuration file is wrong; nothing was started. */
  usage: 2,
  /** `congo run`: another process took the task over. Starting this one again would take it back. */
  taskFenced: 6,
  /** `drc doctor` found a fault of the source; the faults stand on stdout. */
  sourceFault: 7,
  /** `drc store verify`, `ls` or `repair` found a log damaged; the last, without --apply or anything to keep, left it so. */
  logDamaged: 8,
  /** `drc codegen --check`: the file is not what would be written now. */
  outdated: 9,
  /** `congo wait`: the target did not have the transaction in time. */
  notYet: 10,
} as const;

const usageCodes: readonly string[] = ['CONFIG_INVALID', 'ADDRESS_NOT_LOOPBACK', 'PLAINTEXT_REFUSED'];

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof DrcError)) return ExitCode.failed;
  if (usageCodes.includes(error.code)) return ExitCode.usage;
  if (error.code === 'WAIT_TIMEOUT') return ExitCode.notYet;
  return error.code === 'TASK_FENCED' ? ExitCode.taskFenced : ExitCode.failed;
}
