import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { EventType } from '../../store/src/source/binlog-events.js';
import { findServer } from '../../scripts/servers.mjs';
import { conformanceOf, conformanceTable } from './conformance.js';

const page = fileURLToPath(new URL('../../docs/capture.md', import.meta.url));
const [begin, end] = ['<!-- conformance -->', '<!-- end of conformance -->'];
const areThere = (await findServer('mariadb')) !== undefined && (await findServer('mysql')) !== undefined;

test.skipIf(!areThere)(
  'the conformance table of docs/capture.md is what both servers and the decoder say',
  async () => {
    const [mariadb, mysql] = await Promise.all([conformanceOf('mariadb'), conformanceOf('mysql')]);
    const table = await format(conformanceTable({ mariadb, mysql }), { parser: 'markdown' });
    const text = await readFile(page, 'utf8');
    const [before, rest] = text.split(begin) as [string, string];
    const [, behind] = rest.split(end) as [string, string];
    const wanted = `${before}${begin}\n\n${table}\n${end}${behind}`;
    if (process.env['DRC_UPDATE_DOCS'] === '1') await writeFile(page, wanted);
    else expect(text).toBe(wanted);
  },
);

test('docs/capture.md says of every type of event what becomes of it', async () => {
  const text = await readFile(page, 'utf8');
  const events = /^## Events$([^]*?)^## /m.exec(text)![1]!;
  const missing = Object.keys(EventType).filter((name) => !new RegExp(`\\b${name}\\b`).test(events));
  expect(missing).toEqual([]);
});
