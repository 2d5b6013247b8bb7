import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that has ended and whose parent never asks for its end, as behind the first process of many containers. */
export interface Zombie extends AsyncDisposable {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly started: string;
}

export async function makeZombie(): Promise<Zombie> {
  // What the shell becomes knows nothing of the shell's child, which ends when that is so: a shell would ask for its end.
  const parent = spawn('sh', ['-c', 'read _ <&3 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  const [line] = (await once(createInterface(parent.stdout!), 'line')) as [string];
  const pid = Number(line);
  while (!(await readFile(`/proc/${parent.pid}/comm`, 'latin1')).startsWith('sleep')) await sleep(10);
  parent.stdio[3]!.destroy();
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z')
      return {
        pid,
        started: fields[19]!,
        async [Symbol.asyncDispose]() {
          const ended = once(parent, 'exit');
          parent.kill('SIGKILL');
          await ended;
        },
      };
    await sleep(10);
  }
}
