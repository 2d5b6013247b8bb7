import { DrcError, type TableVersion } from '@drc/protocol';
import type { MappedChange, WritableChange } from '../mapped-change.js';
import type { TableName } from '../table-name.js';
import { Route, type TransactionFacts } from './route.js';
import { shardsOf } from './sharding.js';
import { TablePattern } from './table-pattern.js';
import { ruleFaults, type RuleMatch, sameName, type TableRule } from './table-rule.js';
import { TargetTemplate } from './target-template.js';

interface NamedRule {
  readonly rule: TableRule;
  readonly from: TablePattern;
}

/**
 * The rules of a task. A table that none of them names is left out. Where several name it, the first decides, or each makes its own
 * changes of it, in the order of the rules (`match`).
 */
export class Rules {
  readonly #rules: readonly NamedRule[];
  readonly #match: RuleMatch;
  /** By the object: the SDK has one for each version of a table, and makes new ones when it reconnects. */
  readonly #routes = new WeakMap<TableVersion, readonly Route[]>();

  /** @throws DrcError `CONFIG_INVALID`, naming all faults of all rules at once. */
  constructor(rules: readonly TableRule[], match: RuleMatch = 'first') {
    const faults = rules.length === 0 ? ['tables: at least one rule is needed'] : ruleFaults(rules, match);
    if (faults.length > 0) {
      const message = `The rules have ${faults.length} fault(s): ${faults.join('; ')}.`;
      throw new DrcError('CONFIG_INVALID', message, { faults });
    }
    this.#rules = rules.map((rule) => ({ rule, from: TablePattern.parse(rule.from)! }));
    this.#match = match;
  }

  /** Globs for the subscription: what the rules may want. */
  get sourceTables(): readonly string[] {
    return [...new Set(this.#rules.map(({ from }) => from.glob))];
  }

  /** The target tables that are known before any row has been seen: those of the rules that name one source table. */
  get namedTargets(): readonly TableName[] {
    return this.#rules.flatMap(({ from }) => (from.isLiteral ? this.targetsOf(from.name) : []));
  }

  /** What the rules name, in their order. */
  get sources(): readonly TablePattern[] {
    return this.#rules.map(({ from }) => from);
  }

  /** As `routesOf`, each rule by itself: those that suit the table, and why the others do not. */
  attempt(version: TableVersion): { readonly routes: readonly Route[]; readonly faults: readonly string[] } {
    const routes: Route[] = [];
    const faults: string[] = [];
    for (const { rule, captures } of this.#matching(version)) {
      try {
        routes.push(new Route(rule, captures, version));
      } catch (error) {
        if (!(error instanceof DrcError)) throw error;
        faults.push(error.message);
      }
    }
    return { routes, faults };
  }

  /** All tables to which rows of a source table may go; none where no rule names it. */
  targetsOf(source: TableName): readonly TableName[] {
    const targets = this.#matching(source).flatMap(({ rule, captures }) => {
      const to = TargetTemplate.parse(rule.to ?? sameName)!;
      const shards = rule.shard ? shardsOf(rule.shard) : [undefined];
      return shards.map((shard) => to.fill(source, captures, shard));
    });
    return [...new Map(targets.map((target) => [JSON.stringify(target), target])).values()];
  }

  /** @throws DrcError `CONDITION_INVALID`, `CONFIG_INVALID` where the table is not as a rule says. */
  routesOf(version: TableVersion): readonly Route[] {
    const known = this.#routes.get(version);
    if (known) return known;
    const routes = this.#matching(version).map(({ rule, captures }) => new Route(rule, captures, version));
    this.#routes.set(version, routes);
    return routes;
  }

  /**
   * What a change of a row becomes on the target.
   * @param isCopying whether rows of its table may not have come yet
   * @throws DrcError as `routesOf`; `CONDITION_FAILED`, `SHARD_UNKNOWN` for a row
   */
  map(change: WritableChange, transaction: TransactionFacts, isCopying = false): readonly MappedChange[] {
    const routes = this.routesOf(change.tableVersion);
    const [only] = routes;
    if (only && routes.length === 1) return only.map(change, transaction, isCopying);
    return routes.flatMap((route) => route.map(change, transaction, isCopying));
  }

  #matching(source: TableName): { rule: TableRule; captures: readonly string[] }[] {
    const matching = this.#rules.flatMap(({ rule, from }) => {
      const captures = from.match(source);
      return captures ? [{ rule, captures }] : [];
    });
    return this.#match === 'first' ? matching.slice(0, 1) : matching;
  }
}
