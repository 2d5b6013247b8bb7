import type { Ddl } from '@drc/protocol';
import { nameOf, type TableName } from '../table-name.js';
import type { RuleMatch, TableRule } from '../rules/table-rule.js';
import { mappingsOf } from './ddl-mapping.js';
import { DdlReader, type RenamePair } from './ddl-reader.js';
import { type DdlToken, ddlTokens } from './ddl-tokens.js';

/** gh-ost: `_x_gho`, `_x_ghc`, `_x_del` (with a time before `del` on request); pt-online-schema-change: `_x_new`, `_x_old`, with more `_` where one is taken. */
const shadowName = /^_+(.+?)_(?:(?:\d{14}_)?del|gho|ghc|new|old)$/s;

/** The table that an online schema change works on, by the name of one of its helpers. */
const originalOf = ({ schema, table }: TableName): TableName | undefined => {
  const original = shadowName.exec(table)?.[1];
  return original === undefined ? undefined : { schema, table: original };
};

/** Whether a table is the helper of an online schema change of a table that the rules take. One that a rule names in full is a table. */
export function isShadow(name: TableName, rules: readonly TableRule[], match: RuleMatch): boolean {
  const original = originalOf(name);
  if (!original || rules.some(({ from }) => from === nameOf(name))) return false;
  return mappingsOf(original, rules, match).length > 0;
}

type Specs = readonly (readonly DdlToken[])[];

/** What an online schema change did when its helper took the table's name. */
export interface EndedRun {
  readonly table: TableName;
  /** ALTERs of the helper, in order. */
  readonly alters: readonly Specs[];
}

/**
 * Runs of gh-ost and pt-online-schema-change that are under way: the ALTERs of each helper, which are the table's own from
 * the moment the helper takes its name. Has to be told of each statement in order; what was kept outlives a process
 * by `text`.
 */
export class ShadowTables {
  /** By name of the helper. */
  readonly #alters: Map<string, Specs[]>;
  /** Tables that stand aside for a moment (gh-ost's cut-over in two steps), by name. */
  readonly #aside: Set<string>;

  /** @param text of an earlier process */
  constructor(text?: string) {
    const { alters, aside } = JSON.parse(text ?? '{"alters":[],"aside":[]}') as {
      alters: [string, Specs[]][];
      aside: string[];
    };
    this.#alters = new Map(alters);
    this.#aside = new Set(aside);
  }

  get text(): string {
    return JSON.stringify({ alters: [...this.#alters], aside: [...this.#aside] });
  }

  /** Takes a statement down, once it was planned and, where it was to be, run. */
  observe(
    { text, sqlMode, defaultSchema }: Ddl,
    rules: readonly TableRule[],
    match: RuleMatch = 'first',
  ): void {
    const tokens = ddlTokens(text ?? '', sqlMode);
    const read = typeof tokens === 'string' ? undefined : new DdlReader(tokens, defaultSchema).read();
    if (read === undefined || read === 'nothing') return;
    if (read.kind === 'create' && isShadow(read.table, rules, match))
      this.#alters.set(nameOf(read.table), []);
    if (read.kind === 'alter') this.#alters.get(nameOf(read.table))?.push(read.specs);
    if (read.kind === 'drop') for (const table of read.tables) this.#alters.delete(nameOf(table));
    if (read.kind === 'rename') this.#renamed(read.pairs);
  }

  /**
   * What a RENAME means to an online schema change; it changes nothing here (see `observe`).
   * @returns undefined: it is none of one; a text: why it cannot be told what the table is now
   */
  rename(
    pairs: readonly RenamePair[],
    rules: readonly TableRule[],
    match: RuleMatch,
  ): EndedRun | string | undefined {
    const is = (name: TableName): boolean => isShadow(name, rules, match);
    const isOf = (shadow: TableName, original: TableName): boolean => {
      const found = originalOf(shadow);
      return is(shadow) && found !== undefined && nameOf(found) === nameOf(original);
    };
    const aside = pairs.find(({ from, to }) => isOf(to, from));
    const taking = pairs.find(({ from, to }) => isOf(from, to));
    const expected = Number(aside !== undefined) + Number(taking !== undefined);
    if (expected === 0) return undefined;
    if (pairs.length !== expected) return 'it renames other tables beside those of an online schema change';
    const table = taking?.to ?? aside!.from;
    if (!taking) return { table, alters: [] };
    // The table itself comes back: the change was given up.
    if (
      this.#aside.has(nameOf(taking.from)) ||
      (!this.#alters.has(nameOf(taking.from)) && /_(del|old)$/.test(taking.from.table))
    )
      return this.#aside.has(nameOf(taking.from))
        ? { table, alters: [] }
        : `${nameOf(taking.from)} becomes ${nameOf(table)}, and what it is was not seen`;
    const alters = this.#alters.get(nameOf(taking.from));
    return alters
      ? { table, alters }
      : `the online schema change of ${nameOf(table)} began before this task read: what it changed is not known`;
  }

  #renamed(pairs: readonly RenamePair[]): void {
    for (const { from, to } of pairs) {
      if (this.#aside.delete(nameOf(from))) continue;
      const original = originalOf(to);
      if (original && nameOf(original) === nameOf(from)) this.#aside.add(nameOf(to));
      this.#alters.delete(nameOf(from));
    }
  }
}
