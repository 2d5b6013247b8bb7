import { DrcError } from '@drc/protocol';

/**
 * Where the rows of a source table go.
 * `from`: `schema.table`, or `schema.*` for every table of a schema. `to`: the same, with `{schema}` and `{table}` for
 * the source's own names; default `{schema}.{table}`.
 */
export interface TableRule {
  readonly from: string;
  readonly to?: string;
}

/** A table's qualified name in two parts, as the server stores them: unquoted. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

interface CompiledRule {
  readonly from: TableName;
  readonly to: TableName;
}

/**
 * The rules of a task, compiled. The first rule that names a table decides; a table that none names is left out.
 * A schema name with a dot in it cannot be written in a rule: the first dot ends the schema.
 */
export class Rules {
  readonly #rules: readonly CompiledRule[];

  /** @throws DrcError `CONFIG_INVALID`, naming all faults of all rules at once. */
  constructor(rules: readonly TableRule[]) {
    const faults = rules.length === 0 ? ['tables: at least one rule is needed'] : ruleFaults(rules);
    if (faults.length > 0) {
      const message = `The rules have ${faults.length} fault(s): ${faults.join('; ')}.`;
      throw new DrcError('CONFIG_INVALID', message, { faults });
    }
    this.#rules = rules.flatMap((rule) => compiled(rule) ?? []);
  }

  /** Globs for the subscription: what the rules may want. Names are taken letter by letter. */
  get sourceTables(): readonly string[] {
    return this.#rules.map(
      ({ from }) => `${literal(from.schema)}.${from.table === '*' ? '*' : literal(from.table)}`,
    );
  }

  /** The target tables that are known before any row has been seen: those of the rules without `*`. */
  get namedTargets(): readonly TableName[] {
    return this.#rules.flatMap(({ from }) => (from.table === '*' ? [] : (this.targetOf(from) ?? [])));
  }

  /** The target of a source table, or undefined where no rule names it. */
  targetOf(source: TableName): TableName | undefined {
    const rule = this.#rules.find(({ from }) => covers(from, source));
    if (!rule) return undefined;
    const fill = (template: string): string =>
      template.replaceAll(placeholder, (whole, name: string) =>
        name === 'schema' ? source.schema : name === 'table' ? source.table : whole,
      );
    return { schema: fill(rule.to.schema), table: fill(rule.to.table) };
  }
}

/** All faults of all rules, each `tables.0.from: what`. Undefined stands for a rule that is none, and is passed over. */
export function ruleFaults(rules: readonly (TableRule | undefined)[]): string[] {
  const earlier: TableName[] = [];
  return rules.flatMap((rule, index) => {
    if (!rule) return [];
    const faults = faultsOf(rule, earlier);
    const from = splitName(rule.from);
    if (from && faults.length === 0) earlier.push(from);
    return faults.map((fault) => `tables.${index}.${fault}`);
  });
}

function faultsOf(rule: TableRule, earlier: readonly TableName[]): string[] {
  const toText = rule.to ?? sameName;
  const from = splitName(rule.from);
  const to = splitName(toText);
  const faults = [
    ...(from === undefined ? [`from: '${rule.from}' is not schema.table or schema.*`] : fromFaults(from)),
    ...(to === undefined ? [`to: '${toText}' is not schema.table`] : toFaults(to)),
  ];
  if (!from || !to || faults.length > 0) return faults;
  if (from.table === '*' && !to.table.includes('{table}'))
    return [`to: '${toText}' would put every table of '${rule.from}' into one; use {table}`];
  return earlier.some((other) => covers(other, from))
    ? [`from: '${rule.from}' is never reached, an earlier rule takes it`]
    : [];
}

function compiled(rule: TableRule): CompiledRule | undefined {
  const from = splitName(rule.from);
  const to = splitName(rule.to ?? sameName);
  return from && to && { from, to };
}

const sameName = '{schema}.{table}';

const placeholder = /\{([^{}]*)\}/g;

const covers = (rule: TableName, table: TableName): boolean =>
  rule.schema === table.schema && (rule.table === '*' || rule.table === table.table);

const literal = (name: string): string => name.replaceAll(/[\\*?[\]{}]/g, String.raw`\$&`);

/** Other patterns than `schema.*` would silently match nothing, since they are names. */
const fromFaults = ({ schema, table }: TableName): string[] =>
  (table === '*' ? [schema] : [schema, table])
    .filter((name) => /[*?]/.test(name))
    .map((name) => `from: '${name}' in '${schema}.${table}' is a pattern; only schema.* is allowed`);

const toFaults = ({ schema, table }: TableName): string[] => [
  ...[schema, table]
    .filter((name) => name.includes('*'))
    .map(() => `to: '${schema}.${table}' names no one table; use {table}`),
  ...[...`${schema}.${table}`.matchAll(placeholder)]
    .filter(([, name]) => name !== 'schema' && name !== 'table')
    .map(([whole]) => `to: '${schema}.${table}' has the unknown ${whole}; there are {schema} and {table}`),
];

function splitName(text: string): TableName | undefined {
  const dot = text.indexOf('.');
  if (dot < 1 || dot === text.length - 1) return undefined;
  return { schema: text.slice(0, dot), table: text.slice(dot + 1) };
}
