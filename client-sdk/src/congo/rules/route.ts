import { isDeepStrictEqual } from 'node:util';
import { compileCondition, type Condition, DrcError, type Row, type TableVersion } from '@drc/protocol';
import type { InsertChange, Transaction } from '../../index.js';
import {
  copying,
  type MappedChange,
  type MappedTable,
  type RowPolicies,
  type WritableChange,
} from '../mapped-change.js';
import { nameOf, type TableName } from '../table-name.js';
import { factsOf, type Operation, withFacts } from './change-facts.js';
import { ColumnMapping, isPlain } from './column-mapping.js';
import { compileSharding, type Sharding, shardsOf } from './sharding.js';
import { sameName, type TableRule } from './table-rule.js';
import { TargetTemplate } from './target-template.js';

/** Facts of the transaction that expressions may ask for. */
export type TransactionFacts = Pick<Transaction, 'id' | 'topic' | 'commitTimeMicros'>;

/** One image of a change: the row as the source has it, and its values as expressions are bound to them. */
interface Image {
  readonly row: Row;
  readonly values: readonly unknown[];
}

/**
 * One rule for one version of a source table: what it makes of a change. All decisions that need the row are here; what is written
 * where follows from them alone.
 */
export class Route {
  readonly mapped: MappedTable;
  /** The same while the source's table is being copied. */
  readonly #mappedCopying: MappedTable;
  readonly #source: TableVersion;
  readonly #rule: TableRule;
  /** Undefined: the rows go as they are. */
  readonly #columns: ColumnMapping | undefined;
  /** `append`: the image before. */
  readonly #before: ColumnMapping | undefined;
  /** `softDelete`: what a delete sets, and what these columns are while a row lives. */
  readonly #deleted: ColumnMapping | undefined;
  readonly #alive: Row;
  readonly #where: Condition | undefined;
  readonly #sharding: Sharding | undefined;
  readonly #needsValues: boolean;
  /** Whether a change passes as it is. */
  readonly #isPlain: boolean;
  /** By shard name; the only one under ''. */
  readonly #targets = new Map<string, TableName>();

  /** @throws DrcError `CONDITION_INVALID`, `CONFIG_INVALID`: the table is not as the rule says. */
  constructor(rule: TableRule, captures: readonly string[], version: TableVersion) {
    const extended = withFacts(version);
    this.#rule = rule;
    this.#source = version;
    const to = TargetTemplate.parse(rule.to ?? sameName)!;
    this.#where = rule.where === undefined ? undefined : compileCondition(rule.where, extended);
    this.#sharding = rule.shard && compileSharding(rule.shard, extended);
    this.#columns = isPlain(rule) ? undefined : ColumnMapping.compile(rule, version, extended);
    this.#before =
      rule.before === undefined ? undefined : beforeMapping(rule, rule.before, version, extended);
    this.#deleted =
      rule.deleted && ColumnMapping.compile({ columns: [], set: rule.deleted }, version, extended);
    const added = [this.#before, this.#deleted].flatMap((mapping) => mapping?.version.columns ?? []);
    const own = this.#columns?.version ?? version;
    const names = new Set(own.columns.map(({ name }) => name.toLowerCase()));
    const more = added.filter(({ name }) => !names.has(name.toLowerCase()));
    this.#alive = Object.fromEntries(
      (this.#deleted ? more : []).map(({ name }): [string, null] => [name, null]),
    );
    const columns = [...own.columns, ...more.map((column) => ({ ...column, nullable: true }))];
    this.mapped = {
      version: more.length === 0 ? own : { ...own, columns },
      key: rule.key,
      policies: policiesOf(rule),
    };
    // History has no key under which a row could be there already.
    this.#mappedCopying = rule.action === 'append' ? this.mapped : { ...this.mapped, policies: copying };
    for (const shard of rule.shard ? shardsOf(rule.shard) : [undefined])
      this.#targets.set(shard?.name ?? '', to.fill(version, captures, shard));
    this.#isPlain = isPlain(rule) && !rule.where && !rule.shard && (rule.action ?? 'mirror') === 'mirror';
    this.#needsValues =
      this.#where !== undefined ||
      this.#sharding !== undefined ||
      this.#deleted !== undefined ||
      rule.set !== undefined;
  }

  get rule(): TableRule {
    return this.#rule;
  }

  /** All tables to which it may write. */
  get targets(): readonly TableName[] {
    return [...this.#targets.values()];
  }

  /**
   * @param isCopying whether rows of the source's table may not have come yet
   * @throws DrcError `CONDITION_FAILED`, `SHARD_UNKNOWN`
   */
  map(change: WritableChange, transaction: TransactionFacts, isCopying = false): readonly MappedChange[] {
    const mapped = isCopying ? this.#mappedCopying : this.mapped;
    if (this.#isPlain) return [{ target: this.#target(''), mapped, change }];
    const made = this.#map(change, transaction);
    return isCopying ? made.map((one) => ({ ...one, mapped })) : made;
  }

  #map(change: WritableChange, transaction: TransactionFacts): readonly MappedChange[] {
    const { kind } = change;
    const before = kind === 'insert' ? undefined : this.#image(change.before, kind, transaction);
    const after = kind === 'delete' ? undefined : this.#image(change.after, kind, transaction);
    const { action = 'mirror' } = this.#rule;
    switch (action) {
      case 'append':
        return this.#append(change, before, after, transaction);
      case 'insertOnly':
        return kind === 'insert' ? this.#mirror(change, before, after, transaction) : [];
      case 'softDelete':
      case 'mirror':
        return this.#mirror(change, before, after, transaction);
    }
  }

  /** An image that does not pass the condition, or lies in another shard, is one that is not there. */
  #mirror(
    change: WritableChange,
    before: Image | undefined,
    after: Image | undefined,
    transaction: TransactionFacts,
  ): readonly MappedChange[] {
    const was = before && this.#passes(before) ? before : undefined;
    const is = after && this.#passes(after) ? after : undefined;
    const from = was && this.#targetOf(was);
    const to = is && this.#targetOf(is);
    const stays = was && is && from === to && !this.#leavesKey(was, is);
    if (stays) return [this.#update(change, from!, this.#row(was), this.#row(is))];
    const changes: MappedChange[] = [];
    if (was) changes.push(this.#delete(change, from!, was));
    if (is) changes.push(this.#insert(change, to!, this.#whole(before, is, change.kind, transaction)));
    return changes;
  }

  /** The newest image as a new row; beside it, where the rule keeps it, the one before. */
  #append(
    change: WritableChange,
    before: Image | undefined,
    after: Image | undefined,
    transaction: TransactionFacts,
  ): readonly MappedChange[] {
    const newest = after ? this.#whole(before, after, change.kind, transaction) : before!;
    if (!this.#passes(newest)) return [];
    const row = this.#row(newest);
    const earlier = this.#before && before ? this.#before.map(before.row, before.values) : {};
    const target = this.#targetOf(newest);
    return [{ target, mapped: this.mapped, change: inserted(change, { ...row, ...earlier }) }];
  }

  /** What is deleted softly stays under its key: a row that goes to another leaves one behind, and may meet one. */
  #leavesKey(before: Image, after: Image): boolean {
    if (this.#deleted === undefined) return false;
    return this.#source.primaryKey.some((index) => {
      const { name } = this.#source.columns[index]!;
      return Object.hasOwn(after.row, name) && !isDeepStrictEqual(before.row[name], after.row[name]);
    });
  }

  #insert(change: WritableChange, target: TableName, { row, values }: Image): MappedChange {
    const after = { ...this.#alive, ...this.#row({ row, values }) };
    return { target, mapped: this.mapped, change: inserted(change, after) };
  }

  #update(change: WritableChange, target: TableName, before: Row, after: Row): MappedChange {
    return { target, mapped: this.mapped, change: { ...contextOf(change), kind: 'update', before, after } };
  }

  #delete(change: WritableChange, target: TableName, image: Image): MappedChange {
    const before = this.#row(image);
    if (this.#deleted)
      return this.#update(change, target, before, this.#deleted.map(image.row, image.values));
    return { target, mapped: this.mapped, change: { ...contextOf(change), kind: 'delete', before } };
  }

  #image(row: Row, operation: Operation, transaction: TransactionFacts): Image {
    return { row, values: this.#needsValues ? this.#valuesOf(row, operation, transaction) : [] };
  }

  #valuesOf(row: Row, operation: Operation, transaction: TransactionFacts): readonly unknown[] {
    const own = this.#source.columns.map(({ name }) => (Object.hasOwn(row, name) ? row[name] : undefined));
    return [...own, ...factsOf(operation, this.#source, transaction)];
  }

  #row({ row, values }: Image): Row {
    return this.#columns ? this.#columns.map(row, values) : row;
  }

  #passes({ values }: Image): boolean {
    return this.#where === undefined || this.#where.holds(values);
  }

  #targetOf({ values }: Image): TableName {
    return this.#target(this.#sharding === undefined ? '' : this.#sharding.of(values).name);
  }

  #target(shard: string): TableName {
    const target = this.#targets.get(shard);
    if (!target) throw new TypeError(`Shard ${shard} is none of the rule's.`);
    return target;
  }

  /**
   * The image of an update that becomes a new row on the target: with what has not changed, as far as the image before has it.
   * @throws DrcError `CONDITION_FAILED` where a column is in neither
   */
  #whole(
    before: Image | undefined,
    after: Image,
    operation: Operation,
    transaction: TransactionFacts,
  ): Image {
    const isMissing = ({ name }: { name: string }): boolean => !Object.hasOwn(after.row, name);
    if (before === undefined || !this.#source.columns.some(isMissing)) return after;
    const row = { ...before.row, ...after.row };
    const missing = this.#source.columns.find(({ name }) => !Object.hasOwn(row, name));
    if (missing === undefined) return this.#image(row, operation, transaction);
    const column = `${nameOf(this.#source)}.${missing.name}`;
    throw new DrcError(
      'CONDITION_FAILED',
      `An update becomes a new row on the target, and its row images do not have ${column} (binlog_row_image is not FULL).`,
      { column },
    );
  }
}

/** What a change says beside its images. */
const contextOf = ({
  table,
  tableVersion,
  columns,
  foreignKeyChecks,
  uniqueChecks,
  hasCascades,
}: WritableChange): Omit<InsertChange<string, Row>, 'kind' | 'after'> => ({
  table,
  tableVersion,
  columns,
  foreignKeyChecks,
  uniqueChecks,
  hasCascades,
});

const inserted = (change: WritableChange, after: Row): WritableChange => ({
  ...contextOf(change),
  kind: 'insert',
  after,
});

/** The columns of the image before, under names of their own. */
function beforeMapping(
  rule: TableRule,
  template: string,
  version: TableVersion,
  extended: TableVersion,
): ColumnMapping {
  const { columns, drop } = rule;
  const kept = { ...(columns ? { columns } : {}), ...(drop ? { drop } : {}) };
  const { version: taken } = ColumnMapping.compile(kept, version, extended);
  const names = new Map(Object.entries(rule.rename ?? {}));
  const rename = Object.fromEntries(
    taken.columns.map(({ name }) => [name, template.replaceAll('{column}', () => names.get(name) ?? name)]),
  );
  return ColumnMapping.compile({ ...kept, rename }, version, extended);
}

/** Rows that have been deleted softly come again; whatever else is not as expected is an error, unless the rule says otherwise. */
const policiesOf = ({
  action,
  onDuplicate = action === 'softDelete' ? 'overwrite' : 'error',
  onMissingUpdate = 'error',
  onMissingDelete = 'error',
}: TableRule): RowPolicies => ({ onDuplicate, onMissingUpdate, onMissingDelete });
