import { spawn } from 'node:child_process';
import { root } from './setup.mjs';

/**
 * Runs a program in the repository's folder and gives each line of its stdout to `show`; its stderr is ours.
 * @returns its exit code; 127 where it cannot be started, 1 after a signal
 */
export function showLines(program, args, { environment = process.env, show }) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: environment });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) show(line);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      show(String(error));
      resolve(127);
    });
    child.once('close', (code) => {
      if (rest !== '') show(rest);
      resolve(code ?? 1);
    });
  });
}
