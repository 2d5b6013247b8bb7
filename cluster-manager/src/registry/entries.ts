import { createHash } from 'node:crypto';
import { recordSchemas, type RecordKind, type RegistryRecords } from './records.js';
import type { Expected, Stored } from './registry.js';

/*
 * Both forms of the registry hold all of it in memory (what administrators typed is kilobytes, and of checkpoints there are
 * at most 1,000 a principal, mostly of 200 bytes), by name, and write a record as a text:
 *
 *   <kind>!<key> → {"version":n,"value":…}
 *
 * The digest of a registry is that of all its records together, whatever their order, and one record can be taken out
 * of it again. It finds what was lost or damaged; it does not keep an attacker out.
 */
export interface Entry {
  readonly version: number;
  readonly value: unknown;
  /** Its share of the digest. */
  readonly sum: Buffer;
}

export type Entries = ReadonlyMap<string, Entry>;

export const emptyDigest: Buffer = Buffer.alloc(32);

export const entryName = (kind: RecordKind, key: string): string => `${kind}!${key}`;

export const entryText = (version: number, value: unknown): string => JSON.stringify({ version, value });

export const sumOf = (name: string, text: string): Buffer =>
  createHash('sha256').update(`${name}\0${text}`).digest();

/** Adds a record's share to a digest, or takes it out again. */
export function xor(a: Buffer, b: Buffer): Buffer {
  const result = Buffer.from(a);
  for (let i = 0; i < result.length; i++) result[i] = (result[i] ?? 0) ^ (b[i] ?? 0);
  return result;
}

export function isKnown(name: string): boolean {
  return Object.hasOwn(recordSchemas, kindOf(name));
}

/** @throws TypeError, ZodError on what is no record. */
export function parseEntry(name: string, text: string): Entry {
  const { version, value } = JSON.parse(text) as { version: unknown; value: unknown };
  if (typeof version !== 'number') throw new TypeError(`${name} has no version`);
  if (!isKnown(name)) throw new TypeError(`unknown kind of record: ${kindOf(name)}`);
  return {
    version,
    value: recordSchemas[kindOf(name) as RecordKind].parse(value),
    sum: sumOf(name, text),
  };
}

export const isExpected = (entry: Entry | undefined, expected: Expected): boolean =>
  expected === 'any' || (expected === 'absent' ? entry === undefined : entry?.version === expected);

export function findEntry<K extends RecordKind>(
  entries: Entries,
  kind: K,
  key: string,
): Stored<RegistryRecords[K]> | undefined {
  const entry = entries.get(entryName(kind, key));
  return entry === undefined ? undefined : stored(kind, key, entry);
}

/** Sorted by key. */
export function listEntries<K extends RecordKind>(
  entries: Entries,
  kind: K,
): readonly Stored<RegistryRecords[K]>[] {
  const prefix = entryName(kind, '');
  return [...entries]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, entry]) => stored(kind, name.slice(prefix.length), entry))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

const kindOf = (name: string): string => name.slice(0, name.indexOf('!'));

function stored<K extends RecordKind>(_kind: K, key: string, entry: Entry): Stored<RegistryRecords[K]> {
  // Checked against the kind's schema when it was written or read. A copy: what a caller does to it stays there.
  return { key, value: structuredClone(entry.value) as RegistryRecords[K], version: entry.version };
}
