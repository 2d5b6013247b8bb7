import type { Ddl } from '@drc/protocol';
import type { TableRule } from '../rules/table-rule.js';
import { nameOf, tableName, type TableName } from '../table-name.js';
import { alterSpecs } from './alter-specs.js';
import { createTable } from './create-table.js';
import { type DdlMapping, mappingsOf } from './ddl-mapping.js';
import { DdlReader, type RenamePair, type TableDdl } from './ddl-reader.js';
import { ddlTokens } from './ddl-tokens.js';
import type { DdlPlanOptions, Made, Piece } from './ddl-plan-options.js';
import { isShadow } from './shadow-tables.js';

export type { DdlPlanOptions, ServerFlavour } from './ddl-plan-options.js';

/** `notes`: what was left out, and why. */
export type DdlPlan =
  | { readonly kind: 'nothing'; readonly notes: readonly string[] }
  | {
      readonly kind: 'statements';
      readonly statements: readonly string[];
      readonly tables: readonly TableName[];
      readonly notes: readonly string[];
    }
  | { readonly kind: 'stop'; readonly reason: string };

/** What one statement of the source is on the target. Where that is not sure the task stops: a table that differs without a word is worse. */
export function planDdl(ddl: Ddl, options: DdlPlanOptions): DdlPlan {
  const match = options.match ?? 'first';
  const mappings = (name: TableName): readonly DdlMapping[] =>
    isShadow(name, options.rules, match) ? [] : mappingsOf(name, options.rules, match);
  const made = make(ddl, options, mappings);
  if (typeof made === 'string')
    return { kind: 'stop', reason: `${made}. The statement: ${ddl.text ?? ddl.verb}` };
  const { pieces, notes } = made;
  if (pieces.length === 0) return { kind: 'nothing', notes };
  return {
    kind: 'statements',
    statements: pieces.map(({ statement }) => statement),
    tables: pieces.map(({ table }) => table),
    notes,
  };
}

const none: Made = { pieces: [], notes: [] };

function make(ddl: Ddl, options: DdlPlanOptions, mappings: (name: TableName) => readonly DdlMapping[]): Made {
  // Of accounts, views and routines nothing is copied.
  if (
    /\b(USER|ROLE|SERVER|VIEW|TRIGGER|PROCEDURE|FUNCTION|EVENT|SEQUENCE|PACKAGE|TABLESPACE)$|^(GRANT|REVOKE|SET)\b/.test(
      ddl.verb,
    )
  )
    return none;
  if (ddl.text === undefined)
    return `the text of ${ddl.verb} is not delivered to this reader, who may not read all its tables in full`;
  const tokens = ddlTokens(ddl.text, ddl.sqlMode);
  if (typeof tokens === 'string') return tokens;
  const read = new DdlReader(tokens, ddl.defaultSchema).read();
  if (read === undefined) return 'it is not understood';
  return read === 'nothing' ? none : makeOf(read, ddl, options, mappings);
}

function makeOf(
  read: TableDdl,
  ddl: Ddl,
  options: DdlPlanOptions,
  mappings: (name: TableName) => readonly DdlMapping[],
): Made {
  const isLenient = options.policy === 'lenient';
  switch (read.kind) {
    case 'database':
      return database(read, options.rules);
    case 'truncate':
      return onEach(
        mappings(read.table),
        isLenient && `TRUNCATE of ${nameOf(read.table)}`,
        (name) => `TRUNCATE TABLE ${tableName(name)}`,
      );
    case 'drop':
      return joined(
        read.tables.map((table) =>
          onEach(
            mappings(table),
            isLenient && `DROP of ${nameOf(table)}`,
            (name) => `DROP TABLE ${read.ifExists ? 'IF EXISTS ' : ''}${tableName(name)}`,
          ),
        ),
      );
    case 'rename':
      return rename(read.pairs, ddl, options, mappings);
    case 'create': {
      const found = mappings(read.table);
      if (found.length > 0 && isLenient)
        return { pieces: [], notes: [`CREATE TABLE ${nameOf(read.table)} is left out`] };
      return joined(
        found.map((mapping) => mirrored(mapping) ?? createTable(read, mapping, ddl, options, mappings)),
      );
    }
    case 'alter': {
      return joined(
        mappings(read.table).map(
          (mapping) => mirrored(mapping) ?? alterSpecs(read.specs, mapping, ddl, options),
        ),
      );
    }
  }
}

/** Why no definition of the source can be that of the rule's targets. */
function mirrored({ rule, shared }: DdlMapping): string | undefined {
  if (shared !== undefined) return shared;
  return (rule.action ?? 'mirror') === 'mirror'
    ? undefined
    : `the targets of '${rule.from}' (${rule.action}) have a shape of their own`;
}

function onEach(
  mappings: readonly DdlMapping[],
  leftOut: string | false,
  statement: (name: TableName) => string,
): Made {
  if (leftOut !== false) return { pieces: [], notes: mappings.length > 0 ? [`${leftOut} is left out`] : [] };
  return joined(
    mappings.map(
      (mapping) =>
        mirrored(mapping) ?? {
          pieces: mapping.targets.map((table) => ({ table, statement: statement(table) })),
          notes: [],
        },
    ),
  );
}

/** A fault of one part is one of all. */
function joined(parts: readonly Made[]): Made {
  const pieces: Piece[] = [];
  const notes: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') return part;
    pieces.push(...part.pieces);
    notes.push(...part.notes);
  }
  return { pieces, notes };
}

/** Tables are mapped, schemas are not. */
function database({ verb, schema }: TableDdl & { kind: 'database' }, rules: readonly TableRule[]): Made {
  if (verb === 'CREATE' || verb === 'ALTER') return none;
  const takes = rules.some(({ from }) =>
    new RegExp(`^${from.split('.')[0]!.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su').test(schema),
  );
  return takes
    ? `${verb} DATABASE ${schema} removes tables that the rules take, and which they are it does not say`
    : none;
}

function rename(
  pairs: readonly RenamePair[],
  ddl: Ddl,
  options: DdlPlanOptions,
  mappings: (name: TableName) => readonly DdlMapping[],
): Made {
  const ended = options.shadows?.rename(pairs, options.rules, options.match ?? 'first');
  if (typeof ended === 'string') return ended;
  if (ended) {
    return joined(
      ended.alters.map((specs) =>
        joined(
          mappings(ended.table).map(
            (mapping) => mirrored(mapping) ?? alterSpecs(specs, mapping, ddl, options),
          ),
        ),
      ),
    );
  }
  const made = pairs.map(({ from, to }): Made => {
    const [before, after] = [mappings(from), mappings(to)];
    if (before.length === 0 && after.length === 0) return none;
    const isSame = before.length === after.length && before.every(({ rule }, at) => rule === after[at]!.rule);
    if (!isSame) return `${nameOf(from)} becomes ${nameOf(to)}, which other rules take, or none`;
    if (options.policy === 'lenient') return { pieces: [], notes: [`RENAME of ${nameOf(from)} is left out`] };
    return joined(
      before.map((mapping, at) => {
        const fault = mirrored(mapping);
        if (fault !== undefined) return fault;
        const statements = mapping.targets.map(
          (table, shard): Piece => ({
            table,
            statement: `${tableName(table)} TO ${tableName(after[at]!.targets[shard]!)}`,
          }),
        );
        return { pieces: statements, notes: [] };
      }),
    );
  });
  const all = joined(made);
  if (typeof all === 'string' || all.pieces.length === 0) return all;
  // One statement, so that a swap of names is one here too.
  const statement = `RENAME TABLE ${all.pieces.map((piece) => piece.statement).join(', ')}`;
  return { pieces: [{ table: all.pieces[0]!.table, statement }], notes: all.notes };
}
