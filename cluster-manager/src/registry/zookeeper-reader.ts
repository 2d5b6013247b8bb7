import { DrcError } from '@drc/protocol';
import { isKnown, parseEntry, sumOf, type Entries, type Entry } from './entries.js';
import type { ZooKeeperConnection } from './zookeeper-connection.js';
import {
  changedSince,
  digestOf,
  nameOfNode,
  NewerFormat,
  nodePath,
  parseRoot,
  type Root,
  type Snapshot,
} from './zookeeper-state.js';

/** Requests that wait for an answer at a time. */
const atOnce = 100;

/**
 * Reads the registry below `path` as it was at one revision; of `known`, an older reading, what did not change since is
 * taken. `onChange` is called once, when there is more to be read.
 * @throws DrcError `REGISTRY_CORRUPT` where it is gone, another one, older than `known`, or not what its digest says;
 * `DATA_FOLDER` (reason `format`) where a newer version wrote it; `REGISTRY_UNAVAILABLE`, `CONFIG_INVALID`.
 */
export async function readSnapshot(
  connection: ZooKeeperConnection,
  path: string,
  known: Snapshot | undefined,
  onChange: () => void,
): Promise<Snapshot> {
  for (let base = known; ; ) {
    const node = await connection.read(path, onChange);
    if (node === undefined) throw corrupt(path, 'is gone');
    const root = rootOf(path, node.data);
    if (known !== undefined) mustFollow(path, root, known.root);
    const changed = base === undefined ? undefined : changedSince(root, base.root.revision);
    const entries =
      base === undefined || changed === undefined
        ? await readAll(connection, path)
        : await readSome(connection, path, base, changed);
    if (digestOf(entries).equals(root.digest)) {
      mustBeUnderstood(path, entries);
      return { root, nodeVersion: node.version, entries };
    }
    const again = await connection.read(path);
    // Somebody wrote while it was read: once more.
    if (again?.version !== node.version) continue;
    if (base === undefined) throw corrupt(path, 'has lost or changed records');
    base = undefined;
  }
}

/** @throws DrcError `REGISTRY_CORRUPT` where a root cannot come after the one that is known. */
export function mustFollow(path: string, root: Root, known: Pick<Root, 'id' | 'revision'>): void {
  if (root.id !== known.id) throw corrupt(path, 'is another one than before');
  if (root.revision < known.revision) {
    throw corrupt(
      path,
      `is at revision ${root.revision}, but was at ${known.revision}: the newest changes are lost`,
    );
  }
}

/** @throws DrcError `CONFIG_INVALID` where a node can be read, or changed, by whoever reaches ZooKeeper. */
export async function mustBeClosed(connection: ZooKeeperConnection, path: string): Promise<void> {
  const nodes = await connection.children(path);
  const paths = [path, ...nodes.map((node) => `${path}/${node}`)];
  const open = await inBatches(paths, async (node) =>
    (await connection.isOpenToAll(node)) ? node : undefined,
  );
  const found = open.find((node) => node !== undefined);
  if (found === undefined) return;
  throw new DrcError(
    'CONFIG_INVALID',
    `Whoever reaches ZooKeeper may use ${found}, and the registry holds password hashes. Give it back to its user alone (setAcl in zkCli.sh), and give all users new passwords.`,
    { reason: 'zookeeperAcl', path: found },
  );
}

async function readAll(connection: ZooKeeperConnection, path: string): Promise<Entries> {
  const nodes = await connection.children(path);
  const names = nodes.map(nameOfNode).filter((name) => name !== undefined);
  return gather(connection, path, names, new Map());
}

const readSome = (
  connection: ZooKeeperConnection,
  path: string,
  base: Snapshot,
  names: readonly string[],
): Promise<Entries> => gather(connection, path, [...new Set(names)], new Map(base.entries));

/** Brings these records of a map up to date. */
async function gather(
  connection: ZooKeeperConnection,
  path: string,
  names: readonly string[],
  entries: Map<string, Entry>,
): Promise<Entries> {
  const nodes = await inBatches(names, (name) => connection.read(nodePath(path, name)));
  for (const [index, name] of names.entries()) {
    const node = nodes[index];
    if (node === undefined) entries.delete(name);
    else entries.set(name, entryOf(name, node.data.toString('utf8')));
  }
  return entries;
}

/** What cannot be read has no value, but its share of the digest: that tells whether it is damaged. */
function entryOf(name: string, text: string): Entry {
  try {
    return parseEntry(name, text);
  } catch {
    return { version: 0, value: undefined, sum: sumOf(name, text) };
  }
}

/** Kinds that only newer managers of the cluster know are theirs; a record of ours must be one that we can read. */
function mustBeUnderstood(path: string, entries: Entries): void {
  for (const [name, { value }] of entries) {
    if (value !== undefined || !isKnown(name)) continue;
    throw new DrcError(
      'DATA_FOLDER',
      `The registry at ${path} holds a record that a newer version of DRC wrote.`,
      { reason: 'format', path },
    );
  }
}

function rootOf(path: string, data: Buffer): Root {
  try {
    return parseRoot(data.toString('utf8'));
  } catch (cause) {
    if (cause instanceof NewerFormat) {
      throw new DrcError('DATA_FOLDER', `The registry at ${path} was ${cause.message}.`, {
        reason: 'format',
      });
    }
    throw corrupt(path, 'is damaged at its root', cause);
  }
}

async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += atOnce)
    results.push(...(await Promise.all(items.slice(at, at + atOnce).map(work))));
  return results;
}

function corrupt(path: string, what: string, cause?: unknown): DrcError {
  return new DrcError(
    'REGISTRY_CORRUPT',
    `The registry in ZooKeeper at ${path} ${what}.`,
    { path },
    { cause },
  );
}
