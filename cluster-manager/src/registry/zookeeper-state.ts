import { z } from 'zod';
import { emptyDigest, entryText, parseEntry, xor, type Entries } from './entries.js';

/*
 * What the managers of a cluster share in ZooKeeper, below the root that the configuration names:
 *
 *   <root>               {"format":1,"id":…,"revision":n,"digest":hex,"changes":[[revision,name,writer],…]}
 *   <root>/<kind>!<key>  {"version":n,"value":…}      the key percent-encoded
 *
 * Each change is one transaction over the root and one record, and it is made only where the root is at the version that
 * the writer knows. So all changes are in one order, a writer has seen all that were before its own, revisions and the
 * versions of records, which are the revisions that made them, are never used twice, and one watch, on the root, tells
 * of all changes. The root names the last changes, so that a reader who is a few behind reads only these; and its digest
 * of all records shows whether what was read belongs together.
 */
const format = 1;
/** Some 10 KiB; who is further behind reads all records. */
const keptChanges = 100;

export interface Change {
  readonly revision: number;
  readonly name: string;
  /** Made by the writer, for this one change: how it finds out what became of it when the answer was lost. */
  readonly writer: string;
}

/** The content of the root node. */
export interface Root {
  /** Made with the registry: another one has another. */
  readonly id: string;
  readonly revision: number;
  readonly digest: Buffer;
  /** The last ones without a gap, the newest at the end. */
  readonly changes: readonly Change[];
}

/** All records as they were at one revision. */
export interface Snapshot {
  readonly root: Root;
  /** Of the root node in ZooKeeper. */
  readonly nodeVersion: number;
  readonly entries: Entries;
}

const rootSchema = z.object({
  format: z.number().int(),
  id: z.string().min(1),
  revision: z.number().int().min(1),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  changes: z.array(z.tuple([z.number().int(), z.string(), z.string()])),
});

export class NewerFormat extends TypeError {}

/** @throws TypeError, SyntaxError, ZodError on what is no root; NewerFormat. */
export function parseRoot(text: string): Root {
  const { format: found, digest, changes, ...root } = rootSchema.parse(JSON.parse(text));
  if (found > format) throw new NewerFormat('written by a newer version of DRC');
  return {
    ...root,
    digest: Buffer.from(digest, 'hex'),
    changes: changes.map(([revision, name, writer]) => ({ revision, name, writer })),
  };
}

export function rootText({ id, revision, digest, changes }: Root): string {
  const rows = changes.map((change) => [change.revision, change.name, change.writer]);
  return JSON.stringify({ format, id, revision, digest: digest.toString('hex'), changes: rows });
}

/** A registry with its first records, all of revision 1. */
export function firstRoot(id: string, records: Entries): Root {
  return { id, revision: 1, digest: digestOf(records), changes: [] };
}

/** The names of the records that changed after `revision`; undefined where the root no longer tells. */
export function changedSince(root: Root, revision: number): readonly string[] | undefined {
  const later = root.changes.filter((change) => change.revision > revision);
  return later.length === root.revision - revision ? later.map(({ name }) => name) : undefined;
}

/**
 * What became of a change that was sent when the root was at `revision`, and of which no answer came: `applied`, `open`
 * (it was not, and may still be, unless another one comes before it), `refused` (another one was), or `unknown`.
 */
export function fateOf(
  root: Root,
  writer: string,
  revision: number,
): 'applied' | 'open' | 'refused' | 'unknown' {
  if (root.changes.some((change) => change.writer === writer)) return 'applied';
  if (root.revision === revision) return 'open';
  return changedSince(root, revision) === undefined ? 'unknown' : 'refused';
}

export interface NextChange {
  readonly name: string;
  /** Absent: the record is removed. */
  readonly value?: unknown;
  readonly writer: string;
}

/** The registry after one more change, and the text of the record where there is one. */
export function nextSnapshot(
  { root, nodeVersion, entries }: Snapshot,
  { name, value, writer }: NextChange,
): { snapshot: Snapshot; text: string | undefined } {
  const revision = root.revision + 1;
  const next = new Map(entries);
  const old = entries.get(name);
  let { digest } = root;
  if (old !== undefined) digest = xor(digest, old.sum);
  next.delete(name);
  let text: string | undefined;
  if (value !== undefined) {
    text = entryText(revision, value);
    const entry = parseEntry(name, text);
    digest = xor(digest, entry.sum);
    next.set(name, entry);
  }
  const changes = [...root.changes, { revision, name, writer }].slice(-keptChanges);
  const snapshot = {
    root: { id: root.id, revision, digest, changes },
    nodeVersion: nodeVersion + 1,
    entries: next,
  };
  return { snapshot, text };
}

export function digestOf(entries: Entries): Buffer {
  let digest = emptyDigest;
  for (const { sum } of entries.values()) digest = xor(digest, sum);
  return digest;
}

/** Where the record of that name is. */
export const nodePath = (root: string, name: string): string => `${root}/${encodeURIComponent(name)}`;

/** Undefined for a node that is no record: not of our making, and not in the digest. */
export function nameOfNode(node: string): string | undefined {
  try {
    const name = decodeURIComponent(node);
    return name.includes('!') ? name : undefined;
  } catch {
    return undefined;
  }
}
