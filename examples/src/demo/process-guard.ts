import { spawn } from 'node:child_process';

/** Ends processes and removes a folder when this process has gone without doing so, even by `kill -9`. */
export interface ProcessGuard extends AsyncDisposable {
  /** One more process to end. */
  watch(pid: number | undefined): void;
}

/*
 * A shell that reads process ids from a pipe. The kernel closes the pipe when this process ends, however it ends. A
 * handler of `exit` or of a signal cannot do that for SIGKILL.
 */
const script = `
trap '' INT TERM HUP
pids=
while read -r line; do
  [ "$line" = end ] && exit 0
  pids="$pids $line"
done
[ -n "$pids" ] && kill -9 $pids && sleep 0.2
rm -rf -- "$1"
`;

/** @param folder removed together with the processes that use it */
export function guardProcesses(folder: string): ProcessGuard {
  const guard = spawn('/bin/sh', ['-c', script, 'drc-demo-guard', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  guard.unref();
  guard.stdin.on('error', () => undefined);
  return {
    watch: (pid) => {
      if (pid !== undefined) guard.stdin.write(`${pid}\n`);
    },
    async [Symbol.asyncDispose]() {
      // Without the reference this process, having nothing else to wait for, would end here.
      guard.ref();
      guard.stdin.end('end\n');
      await ended;
    },
  };
}
