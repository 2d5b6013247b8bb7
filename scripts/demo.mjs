// npm run demo: set-up, then examples/src/demo/main.ts.
import { launch } from './setup.mjs';

await launch('examples/dist/demo/main.js');
