import type { TableName } from '../table-name.js';
import type { Shard } from './sharding.js';

/**
 * The name of a target table, with what is filled in: `{schema}` and `{table}` of the source, `{1}`, `{2}` … for what the wild
 * cards of `from` stood for, and `{shard}`, `{shard.schema}`, `{shard.table}` where the rule shards. `{shard:4}` fills up with
 * zeros to four digits.
 */
export class TargetTemplate {
  readonly name: TableName;

  private constructor(name: TableName) {
    this.name = name;
  }

  static parse(text: string): TargetTemplate | undefined {
    // The dot of a placeholder is none between the two names.
    const [, schema, table] = /^((?:\{[^{}]*\}|[^.])+)\.(.+)$/s.exec(text) ?? [];
    return schema === undefined || table === undefined ? undefined : new TargetTemplate({ schema, table });
  }

  /** The names that it fills in, with `:width` left out. */
  get placeholders(): readonly string[] {
    return [...`${this.name.schema}.${this.name.table}`.matchAll(placeholder)].map(([, name = '']) => name);
  }

  /** Whether the table's name, not only the schema's, depends on the source's. */
  get hasTable(): boolean {
    return [...this.name.table.matchAll(placeholder)].some(([, name = '']) => !name.startsWith('shard'));
  }

  get hasShard(): boolean {
    return this.placeholders.some((name) => name.startsWith('shard'));
  }

  fill(source: TableName, captures: readonly string[], shard: Shard | undefined): TableName {
    const valueOf = (name: string): string | undefined => {
      switch (name) {
        case 'schema':
          return source.schema;
        case 'table':
          return source.table;
        case 'shard':
          return shard?.name;
        case 'shard.schema':
          return shard?.schema;
        case 'shard.table':
          return shard?.table;
        default:
          return captures[Number(name) - 1];
      }
    };
    const filled = (template: string): string =>
      template.replaceAll(placeholder, (whole, name: string, width: string | undefined) => {
        const value = valueOf(name);
        return value === undefined ? whole : value.padStart(Number(width ?? 0), '0');
      });
    return { schema: filled(this.name.schema), table: filled(this.name.table) };
  }
}

const placeholder = /\{([^{}:]*)(?::(\d))?\}/g;
