import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { Flavour } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { alterations, difference, matches, type Spec } from '../support/spec.js';
import type { SpecHub, SpecTransaction } from '../support/spec-hub.js';
import { parseSpec } from '../support/spec-parser.js';
import { startSpecHub } from '../support/start-spec-hub.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }));

/** Those of one server, with equal arguments side by side. */
const specsFor = (flavour: Flavour): (Spec & { readonly name: string })[] =>
  files
    .map(({ name, text }) => ({ name, ...parseSpec(text, name, flavour) }))
    .filter(({ only }) => only === undefined || only === flavour)
    .sort((a, b) => argumentsOf(a).localeCompare(argumentsOf(b)) || a.name.localeCompare(b.name));

const argumentsOf = ({ serverArguments = [] }: Spec): string => serverArguments.join(' ');

test('there are specs enough', () => {
  expect(files.length).toBeGreaterThanOrEqual(120);
});

onEachServer('what a reader gets', (flavour) => {
  const specs = specsFor(flavour);

  test('each has something to expect', () => {
    const empty = specs.filter(({ expected, stop }) => expected.length === 0 && stop === undefined);
    expect(empty).toEqual([]);
  });

  let hub: { readonly of: string; readonly running: SpecHub } | undefined;
  const end = async (): Promise<void> => {
    await hub?.running[Symbol.asyncDispose]();
    hub = undefined;
  };
  afterAll(end);

  /** One hub for all with these arguments, until a spec fails: it may have stopped capture, and the others go on. */
  async function run(spec: Spec): Promise<readonly SpecTransaction[]> {
    const of = argumentsOf(spec);
    if (hub?.of !== of) await end();
    hub ??= { of, running: await startSpecHub(flavour, spec.serverArguments) };
    try {
      return await hub.running.run(spec.statements);
    } catch (error) {
      await end();
      throw error;
    }
  }

  async function runToStop(spec: Spec): Promise<readonly SpecTransaction[]> {
    await using own = await startSpecHub(flavour, spec.serverArguments);
    const { transactions, code } = await own.runToStop(spec.statements);
    expect.soft(code).toBe(spec.stop);
    return transactions;
  }

  for (const { name, ...spec } of specs) {
    const { title, pending, expected, stop } = spec;
    const remark = pending === undefined ? '' : `, pending: ${pending}`;
    test.skipIf(pending !== undefined)(`${title} (${name})${remark}`, async () => {
      const actual = await (stop === undefined ? run(spec) : runToStop(spec));
      expect.soft(difference(expected, actual)).toBeUndefined();
      // The check itself: an expectation that differs in one place, whichever it is, does not pass.
      for (const altered of alterations(expected)) expect(matches(altered, actual)).toBe(false);
    });
  }
});
