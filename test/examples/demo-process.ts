import { readFile, readdir, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Finished, runCommand, startCommand } from '../cli/support/command.js';

export const demoMain = fileURLToPath(new URL('../../examples/dist/demo/main.js', import.meta.url));

export const lastLine = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1)!);

/** A folder for temporary files of its own, so that what is left behind can be told from others'. */
export async function runIn(
  folder: string,
  program: string,
  args: readonly string[],
  deadlineMs?: number,
): Promise<Finished> {
  return runCommand(args, { program, env: { TMPDIR: folder } }, deadlineMs);
}

const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Sent while the load runs. */
export async function expectSignalEndsDemo(folder: string, signal: keyof typeof codes): Promise<void> {
  await using demo = startCommand(['--seconds', '60'], { program: demoMain, env: { TMPDIR: folder } });
  await demo.prints(/\d+ transactions/);
  expect(await demo.stop(signal)).toBe(codes[signal]);
  expect(demo.stderr).toBe('Stopped.\n');
  expect(await readdir(folder)).toEqual([]);
}

/** Process ids; those that have ended and are not yet taken note of do not count. */
export async function processesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const [line, cwd] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    if (line.includes(folder) || cwd.startsWith(folder)) found.push(pid);
  }
  return found;
}
