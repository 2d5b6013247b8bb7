import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Faults of the kernel, given to a process by strace without a change of the program: a system call fails, or ends the
 * process, or takes long. strace and the right to trace are not everywhere: what needs them is skipped there, and its
 * title says so. DRC_REQUIRE_STRACE, which CI sets, makes that a failure.
 */

/** One injected fault. Calls are counted by thread: the process must have one thread that does them. */
export interface Fault {
  /** Names of system calls, `fdatasync` or `write,fdatasync`. */
  readonly calls: string;
  /** As after `inject=<calls>:`, for example `error=EIO:when=3`. */
  readonly what: string;
  /** Only calls on these files; default: on any. */
  readonly files?: readonly string[];
}

/** Why there can be no such tests here; undefined where there can. */
export const straceLack: string | undefined = lackOf(
  spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' }),
);

function lackOf({ error, status, stderr }: ReturnType<typeof spawnSync>): string | undefined {
  if (error === undefined && status === 0) return undefined;
  const lack =
    error === undefined ? `ptrace is not allowed: ${String(stderr).trim()}` : 'strace is not installed';
  if ((process.env['DRC_REQUIRE_STRACE'] ?? '') !== '')
    throw new Error(`DRC_REQUIRE_STRACE is set, and ${lack}.`);
  return lack;
}

/** For titles: why the tests are skipped; empty where they are not. */
export const straceNote = straceLack === undefined ? '' : ` (skipped: ${straceLack})`;

/** The command line that runs a program with a fault. */
export function straceCommand({ calls, what, files = [] }: Fault): readonly string[] {
  // With seccomp only the calls that matter cost time, but strace then sends no signals.
  const quick = what.includes('signal=') ? [] : ['--seccomp-bpf'];
  const paths = files.flatMap((file) => ['-P', file]);
  const injection = ['-e', `trace=${calls}`, '-e', `inject=${calls}:${what}`];
  return ['strace', '-f', '-qq', '-o', '/dev/null', ...quick, ...paths, ...injection];
}

/** What LevelDB may call the files that it makes next: strace wants whole paths. */
export function levelFiles(folder: string, endings: readonly string[] = ['log', 'ldb']): string[] {
  const level = join(folder, 'level');
  const names = existsSync(level) ? readdirSync(level) : [];
  const newest = Math.max(0, ...names.map((name) => Number(/\d+/.exec(name)?.[0] ?? 0)));
  const numbers = Array.from({ length: 60 }, (_, index) => String(newest + index + 1).padStart(6, '0'));
  return endings.flatMap((ending) => numbers.map((number) => join(level, `${number}.${ending}`)));
}
