import { isDrcError } from '@drc/protocol';
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { congoFileSchema, parseCongoFile } from '../../cli/src/congo-file.js';

const committed = new URL('../../cli/schema/congo.schema.json', import.meta.url);
const docs = new URL('../../docs/congo.md', import.meta.url);

const shared = {
  clusterManager: 'http://127.0.0.1:7370',
  topic: 'shop',
  tables: [{ from: 'shop.orders' }],
  target: { user: 'congo' },
};

const faultsOf = (value: unknown): readonly string[] => {
  try {
    parseCongoFile(value);
    return [];
  } catch (error) {
    if (!isDrcError(error, 'CONFIG_INVALID')) throw error;
    return error.details['faults'] as readonly string[];
  }
};

test('a file of several tasks gives each what stands beside them, unless it has it itself', () => {
  const file = parseCongoFile({
    ...shared,
    admin: { port: 7400 },
    tasks: [{ task: 'one' }, { task: 'two', topic: 'crm', target: { user: 'other', port: 3307 } }],
  });
  expect(file.admin.port).toBe(7400);
  expect(file.tasks.map(({ task, topic, target }) => [task, topic, target.user, target.port])).toEqual([
    ['one', 'shop', 'congo', 3306],
    ['two', 'crm', 'other', 3307],
  ]);
  expect(parseCongoFile({ ...shared, task: 'one' }).tasks).toHaveLength(1);
});

test('faults of several tasks are told together, those of what they share once', () => {
  expect(
    faultsOf({
      ...shared,
      task: 'all',
      topic: 7,
      tasks: [{ task: 'one' }, { task: 'a b', ddl: 'halt', admin: { port: 1 } }, { tables: [] }],
    }),
  ).toEqual([
    'task: belongs to each of tasks',
    'topic: must be a text',
    'tasks.1.admin: belongs to the process, beside tasks',
    'tasks.1.task: has 1-128 ASCII characters without spaces',
    'tasks.1.ddl: must be stop or ignore',
    'tasks.2.task: is missing',
    'tasks.2.tables: must have an entry',
  ]);
  expect(faultsOf({ ...shared, tasks: [] })).toEqual(['tasks: must have an entry']);
  expect(faultsOf({ ...shared, tasks: ['one'] })).toEqual(['tasks.0: must have settings below it']);
  expect(faultsOf({ ...shared, tasks: [{ task: 'one' }, { task: 'one' }] })).toEqual([
    "tasks.1.task: 'one' is there twice for this target",
  ]);
  expect(
    faultsOf({ ...shared, tasks: [{ task: 'one' }, { task: 'one', target: { user: 'u', port: 1 } }] }),
  ).toEqual([]);
});

test('the JSON Schema of the file is that of its parser: DRC_UPDATE_DOCS=1 writes it anew', async () => {
  const wanted = `${JSON.stringify(congoFileSchema(), undefined, 2)}\n`;
  if (process.env['DRC_UPDATE_DOCS'] === '1') await writeFile(committed, wanted);
  expect(await readFile(committed, 'utf8')).toBe(wanted);
});

test('the JSON Schema takes the files of congo.md, and not what is misspelt', async () => {
  const schema = z.fromJSONSchema(
    JSON.parse(await readFile(committed, 'utf8')) as Parameters<typeof z.fromJSONSchema>[0],
  );
  const blocks = [...(await readFile(docs, 'utf8')).matchAll(/^```yaml\n([^]*?)^```$/gm)].map(
    (match) => match[1]!,
  );
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks) expect(schema.safeParse(parse(block)).error, block).toBeUndefined();
  const one = { ...shared, task: 'one' };
  expect(schema.safeParse(one).success).toBe(true);
  for (const wrong of [
    { ...one, topics: 'shop' },
    { ...one, tables: [{ form: 'shop.orders' }] },
    { ...one, tables: [] },
    { ...one, ddl: 'halt' },
    { ...one, target: { user: 7 } },
    shared,
    { ...shared, tasks: [{ topic: 'shop' }] },
  ])
    expect(schema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
});
