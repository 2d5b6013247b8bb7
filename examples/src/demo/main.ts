import { runDemo } from './demo.js';
import { demoHelp, parseDemoOptions } from './options.js';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(`${name} received`)));

try {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options === undefined) console.log(demoHelp);
  else {
    const result = await runDemo(options, stop.signal);
    console.log(JSON.stringify(result));
    process.exitCode = result.demo === 'ok' ? 0 : 1;
  }
} catch (error) {
  console.error(stop.signal.aborted ? 'Stopped.' : error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
