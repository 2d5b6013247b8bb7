import { DrcError } from '@drc/protocol';
import { readFile } from 'node:fs/promises';
import { type Document, LineCounter, type Node, isMap, isNode, isScalar, parseDocument } from 'yaml';

/** Reads one configuration: takes the file's value, returns the checked one or throws `CONFIG_INVALID` with `faults`. */
export type ConfigParser<Config> = (value: unknown) => Config;

/**
 * Reads a YAML file. All of its faults are reported together, each with line and column.
 * @param overrides flags and environment, by path (`listen.port`); they win over the file. Undefined ones are left out.
 * @throws DrcError `CONFIG_INVALID`.
 */
export async function readConfig<Config>(
  path: string,
  parse: ConfigParser<Config>,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new DrcError(
      'CONFIG_INVALID',
      `${path}: cannot be read (${(cause as Error).message}).`,
      {},
      { cause },
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw invalid(
      path,
      document.errors.map((error) => `${place(lines, error.pos[0])} ${error.message}`),
    );
  }
  const value = withValues(valueOf(document, path), overrides);
  try {
    return parse(value);
  } catch (error) {
    const faults = error instanceof DrcError ? error.details['faults'] : undefined;
    if (!(error instanceof DrcError) || !Array.isArray(faults)) throw error;
    throw invalid(
      path,
      (faults as string[]).map((fault) => `${placeOf(document.contents, fault, lines)} ${fault}`),
    );
  }
}

/** A configuration without a file. @throws DrcError `CONFIG_INVALID`. */
export const configFrom = <Config>(
  parse: ConfigParser<Config>,
  given: Readonly<Record<string, unknown>>,
): Config => parse(withValues({}, given));

const withValues = (tree: unknown, given: Readonly<Record<string, unknown>>): unknown =>
  Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .reduce<unknown>((whole, [key, item]) => withValue(whole, key.split('.'), item), tree);

const invalid = (path: string, placed: readonly string[]): DrcError => {
  const faults = placed.map((fault) => `${path}:${fault}`);
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new DrcError('CONFIG_INVALID', `${path} has ${count}: ${faults.join('; ')}`, { faults });
};

function valueOf(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    // Aliases that multiply, or that name nothing.
    throw new DrcError('CONFIG_INVALID', `${path}: ${(cause as Error).message}.`, {}, { cause });
  }
}

function place(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}

/** Where a fault `a.b.0: message` lies: the value itself, or the nearest thing around it that the file has. */
function placeOf(root: Node | null, fault: string, lines: LineCounter): string {
  const path = fault
    .slice(0, Math.max(0, fault.indexOf(':')))
    .split('.')
    .filter(Boolean);
  let node: Node | null = root;
  let offset = 0;
  for (const key of path) {
    const child = childOf(node, key);
    if (!child) break;
    offset = child.at;
    node = child.value;
  }
  return place(lines, offset);
}

function childOf(node: Node | null, key: string): { value: Node | null; at: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (!pair || !isNode(pair.key)) return undefined;
    return { value: isNode(pair.value) ? pair.value : null, at: pair.key.range?.[0] ?? 0 };
  }
  const items = (node as { items?: unknown[] } | null)?.items;
  const item = items?.[Number(key)];
  return isNode(item) ? { value: item, at: item.range?.[0] ?? 0 } : undefined;
}

function withValue(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const map = typeof tree === 'object' && tree !== null ? (tree as Record<string, unknown>) : {};
  return { ...map, [key]: withValue(map[key], rest, value) };
}
