import { DrcError } from '@drc/protocol';

/** What the commands return to the shell. Documented in docs/operations.md. */
export const ExitCode = {
  /** Done, or stopped by SIGINT or SIGTERM after draining. */
  ok: 0,
  /** A typed error ended the command; it stands on stderr. */
  failed: 1,
  /** The command line or a configuration file is wrong; nothing was started. */
  usage: 2,
  /** `drc doctor` found a fault of the source; the faults stand on stdout. */
  sourceFault: 7,
} as const;

export const exitCodeOf = (error: unknown): number =>
  error instanceof DrcError && error.code === 'CONFIG_INVALID' ? ExitCode.usage : ExitCode.failed;
