import { runDemo } from './demo.js';
import { DemoUsageError, demoHelp, parseDemoOptions } from './options.js';

const stop = new AbortController();
/** As a shell sees a program that a signal has ended. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
let stopped: number | undefined;
for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second one does not wait until everything is closed; what runs is then killed, see Command.
    if (stopped !== undefined) process.exit(codes[name]);
    stopped = codes[name];
    stop.abort(new Error(`${name} received`));
  });
}

try {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options === undefined) console.log(demoHelp);
  else {
    const result = await runDemo(options, stop.signal);
    console.log(JSON.stringify(result));
    process.exitCode = result.demo === 'ok' ? 0 : 1;
  }
} catch (error) {
  console.error(stopped !== undefined ? 'Stopped.' : error instanceof Error ? error.message : String(error));
  process.exitCode = stopped ?? (error instanceof DemoUsageError ? 2 : 1);
}
