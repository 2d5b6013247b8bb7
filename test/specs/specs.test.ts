import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { Flavour } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { alterations, difference, matches, type Spec } from '../support/spec.js';
import type { SpecHub, SpecStatement, SpecTransaction } from '../support/spec-hub.js';
import { parseSpec } from '../support/spec-parser.js';
import { startSpecHub } from '../support/start-spec-hub.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }));

const specsFor = (flavour: Flavour): (Spec & { readonly name: string })[] =>
  files
    .map(({ name, text }) => ({ name, ...parseSpec(text, name, flavour) }))
    .filter(({ only }) => only === undefined || only === flavour);

onEachServer('what a reader gets', (flavour) => {
  const specs = specsFor(flavour);

  test('there are specs, and each has something to expect', () => {
    expect(specs.length).toBeGreaterThanOrEqual(25);
    expect(specs.filter(({ expected }) => expected.length === 0)).toEqual([]);
  });

  let hub: SpecHub | undefined;
  const end = async (): Promise<void> => {
    await hub?.[Symbol.asyncDispose]();
    hub = undefined;
  };
  afterAll(end);

  /** One hub for all, until a spec fails to run: it may have stopped capture, and the others are to go on. */
  async function run(statements: readonly SpecStatement[]): Promise<readonly SpecTransaction[]> {
    hub ??= await startSpecHub(flavour);
    try {
      return await hub.run(statements);
    } catch (error) {
      await end();
      throw error;
    }
  }

  for (const { name, title, pending, statements, expected } of specs) {
    const remark = pending === undefined ? '' : `, pending: ${pending}`;
    test.skipIf(pending !== undefined)(`${title} (${name})${remark}`, async () => {
      const actual = await run(statements);
      expect.soft(difference(expected, actual)).toBeUndefined();
      // The check itself: an expectation that differs in one place, whichever it is, does not pass.
      for (const altered of alterations(expected)) expect(matches(altered, actual)).toBe(false);
    });
  }
});
