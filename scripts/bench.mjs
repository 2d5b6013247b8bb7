// npm run bench -- capture|replay: set-up, then bench/src/main.ts.
import { launch } from './setup.mjs';

await launch('bench/dist/main.js', { binlogClient: true });
