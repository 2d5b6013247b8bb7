import { spawn } from 'node:child_process';

/**
 * Ends a server and removes its folder when this process has gone without doing so: after a failed test, Ctrl-C,
 * an exit in the middle, even `kill -9`.
 */
export interface ServerGuard {
  /** The process to end; undefined while there is none. */
  watch(pid: number | undefined): void;
  /** The guard's work is done: it goes away and touches nothing. */
  end(): Promise<void>;
}

/*
 * A shell that reads pids from a pipe. The kernel closes the pipe when this process ends, however it ends; then
 * the shell kills what it was last told and removes the folder. A handler of `exit` or of a signal cannot do that
 * for SIGKILL, and test runners kill their workers.
 */
const script = `
trap '' INT TERM HUP
pid=
while read -r line; do
  [ "$line" = end ] && exit 0
  pid=$line
done
[ -n "$pid" ] && kill -9 "$pid" && sleep 0.2
rm -rf -- "$1"
`;

export function guardServer(folder: string): ServerGuard {
  const guard = spawn('/bin/sh', ['-c', script, 'drc-test-guard', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  guard.unref();
  guard.stdin.on('error', () => undefined);
  return {
    watch: (pid) => guard.stdin.write(`${pid ?? ''}\n`),
    async end() {
      // Waited for: without the reference this process, having no other work, would end in the middle.
      guard.ref();
      guard.stdin.end('end\n');
      await ended;
    },
  };
}
