import { dirname, join } from 'node:path/posix';

/** One import of one file. */
export interface Import {
  /** Path of the importing file from the repository's root, with `/`. */
  readonly from: string;
  /** As written: `../log/head.js`, `ws`, `node:fs`. */
  readonly specifier: string;
  /** The imported file for a relative specifier; undefined for a package. */
  readonly file: string | undefined;
}

export class UnreadableImport extends Error {}

/*
 * The sources are formatted by prettier: an import or export statement begins its line, and a string there is in
 * single quotes. What begins like one and does not end like one is refused, so that nothing escapes by its form.
 */
const statement = /^(?:import|export)\b(?:[^;'"`]*?\bfrom)?\s*'([^']+)'/gm;
const dynamic = /\bimport\(\s*([^)]*?)\s*\)/g;
const required = /\brequire\(/;

/** All imports of a TypeScript source: static, re-exported, dynamic, and those in types. */
export function importsOf(from: string, source: string): Import[] {
  const code = withoutComments(source);
  const specifiers = [...code.matchAll(statement)].map((match) => match[1]!);
  const begun = code.match(/^import\b(?!\()|^export\b[^;'"`=(]*?\bfrom\s*['"]/gm)?.length ?? 0;
  if (begun !== specifiers.length)
    throw new UnreadableImport(`${from}: ${begun} imports begin, ${specifiers.length} can be read`);
  for (const [text, argument] of code.matchAll(dynamic)) {
    const literal = /^'([^']+)'$/.exec(argument!);
    if (literal === null) throw new UnreadableImport(`${from}: \`${text}\` does not name its module`);
    specifiers.push(literal[1]!);
  }
  if (required.test(code)) throw new UnreadableImport(`${from}: uses require`);
  return specifiers.map((specifier) => ({ from, specifier, file: resolve(from, specifier) }));
}

/** Blanks comments that stand on lines of their own; that is where prose and examples with imports are. */
const withoutComments = (source: string): string =>
  source.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');

const resolve = (from: string, specifier: string): string | undefined =>
  specifier.startsWith('.') ? join(dirname(from), specifier).replace(/\.js$/, '.ts') : undefined;

/** `mysql2` for `mysql2/promise`, `@drc/client-sdk` for `@drc/client-sdk/congo`. */
export const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Every cycle among the files, each once, as a path that ends where it began. */
export function cyclesOf(imports: readonly Import[]): string[][] {
  const targets = new Map<string, Set<string>>();
  for (const { from, file } of imports) {
    if (file === undefined) continue;
    if (!targets.has(from)) targets.set(from, new Set());
    targets.get(from)!.add(file);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}
