// The demo, with a hand in the target before it compares: what it prints then is what the test of the comparison reads.
import { runDemo } from '../../examples/dist/demo/demo.js';

const result = await runDemo({ seconds: 1, rate: 50, keep: false }, new AbortController().signal, {
  beforeCompare: (target) => target.query("UPDATE shop.products SET title = CONCAT(title, ' ') WHERE id = 7"),
});
console.log(JSON.stringify(result));
process.exitCode = result.demo === 'ok' ? 0 : 1;
