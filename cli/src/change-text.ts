import type { Change, Transaction } from '@drc/client-sdk';
import type { Row, Value } from '@drc/protocol';
import { isatty } from 'node:tty';
import picocolors from 'picocolors';

/** Colours on a terminal only: what decides elsewhere (a CI's environment) must not get them into a pipe. */
const pc = picocolors.createColors(isatty(process.stdout.fd) && !('NO_COLOR' in process.env));

/** JSON for a value: 64-bit integers and decimals as text, bytes as base64, vectors as arrays. */
function jsonValue(value: Value): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (value instanceof Float32Array) return [...value];
  return value;
}

function jsonRow(row: Row): Record<string, unknown> {
  const entries = Object.entries(row).map(([name, value]) => [name, jsonValue(value)] as const);
  return Object.fromEntries(entries);
}

/** One change as one line of JSON. */
export function changeAsJson(topic: string, tx: Transaction, change: Change): string {
  const head = { topic, transaction: tx.id, commitTime: tx.commitTime.toISOString(), kind: change.kind };
  switch (change.kind) {
    case 'insert':
    case 'sequence':
    case 'snapshot':
      return JSON.stringify({ ...head, table: change.table, after: jsonRow(change.after) });
    case 'update':
      return JSON.stringify({
        ...head,
        table: change.table,
        before: jsonRow(change.before),
        after: jsonRow(change.after),
      });
    case 'delete':
      return JSON.stringify({ ...head, table: change.table, before: jsonRow(change.before) });
    case 'ddl':
      return JSON.stringify({ ...head, ...change.ddl });
  }
}

/** One change for a person: what an update changed is shown as `column: old → new`. */
export function changeAsText(tx: Transaction, change: Change): string {
  const time = pc.dim(tx.commitTime.toISOString());
  const id = pc.dim(tx.id);
  switch (change.kind) {
    case 'insert':
      return `${time} ${id} ${pc.green('+')} ${pc.bold(change.table)} ${rowText(change.after)}`;
    case 'snapshot':
      return `${time} ${id} ${pc.blue('=')} ${pc.bold(change.table)} ${rowText(change.after)}`;
    case 'sequence':
      return `${time} ${id} ${pc.cyan('#')} ${pc.bold(change.table)} ${rowText(change.after)}`;
    case 'delete':
      return `${time} ${id} ${pc.red('-')} ${pc.bold(change.table)} ${rowText(change.before)}`;
    case 'update': {
      const before = change.before;
      const after = change.after;
      const key = change.tableVersion.primaryKey.map((index) => change.tableVersion.columns[index]!.name);
      const shown = Object.keys(after).map((name) => {
        const [was, is] = [valueText(before[name]), valueText(after[name])];
        return was === is ? (key.includes(name) ? `${name}: ${is}` : undefined) : `${name}: ${was} → ${is}`;
      });
      return `${time} ${id} ${pc.yellow('~')} ${pc.bold(change.table)} ${shown.filter(Boolean).join(', ')}`;
    }
    case 'ddl':
      return `${time} ${id} ${pc.magenta('!')} ${oneLine(change.ddl.text ?? `${change.ddl.verb} ${change.ddl.tables.join(', ')}`)}`;
  }
}

/** A statement as typed may have line ends, or bytes that a terminal would obey. */
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();

const rowText = (row: Row): string =>
  Object.entries(row)
    .map(([name, value]) => `${oneLine(name)}: ${valueText(value)}`)
    .join(', ');

const longest = 80;

function valueText(value: Value | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value))
    return `0x${value.toString('hex', 0, longest / 2)}${value.length > longest / 2 ? '…' : ''}`;
  if (typeof value !== 'string')
    return value instanceof Float32Array ? `[${value.join(', ')}]` : String(value);
  return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value);
}
