import type { TableName } from '../table-name.js';
import { shardsOf } from '../rules/sharding.js';
import { TablePattern } from '../rules/table-pattern.js';
import { type RuleMatch, sameName, type TableRule } from '../rules/table-rule.js';
import { TargetTemplate } from '../rules/target-template.js';

/** A rule that takes a source table, with the tables that it makes of it. */
export interface DdlMapping {
  readonly rule: TableRule;
  readonly targets: readonly TableName[];
  /** Why no statement on the source table may run on its targets; undefined where they are this table's alone. */
  readonly shared: string | undefined;
}

/** All rules that take changes of a source table, in order; none where it is left out. */
export function mappingsOf(
  source: TableName,
  rules: readonly TableRule[],
  match: RuleMatch,
): readonly DdlMapping[] {
  const found = rules.flatMap((rule): DdlMapping[] => {
    const captures = TablePattern.parse(rule.from)?.match(source);
    const to = TargetTemplate.parse(rule.to ?? sameName);
    if (!captures || !to) return [];
    const shards = rule.shard ? shardsOf(rule.shard) : [undefined];
    return [
      {
        rule,
        targets: shards.map((shard) => to.fill(source, captures, shard)),
        shared: sharedBy(rule, rules),
      },
    ];
  });
  return match === 'first' ? found.slice(0, 1) : found;
}

/** Whether rows of other source tables may be in the rule's targets. */
function sharedBy(rule: TableRule, rules: readonly TableRule[]): string | undefined {
  const from = TablePattern.parse(rule.from)!;
  const { placeholders } = TargetTemplate.parse(rule.to ?? sameName)!;
  const isNamed = (name: string): boolean => placeholders.includes(name);
  const hasAll = Array.from({ length: from.captures }, (_, index) => isNamed(String(index + 1))).every(
    Boolean,
  );
  if (!hasAll && !(isNamed('schema') && isNamed('table')) && !onlyTableVaries(from, isNamed))
    return `several tables of the source go into what '${rule.from}' makes`;
  const other = rules.find((each) => each !== rule && mayMeet(each, rule));
  return other && `rows of '${other.from}' may go into the same tables as those of '${rule.from}'`;
}

const onlyTableVaries = (from: TablePattern, isNamed: (name: string) => boolean): boolean =>
  !/[*?]/.test(from.name.schema) && isNamed('table');

/** Over-approximated: what cannot be told apart may be the same. */
function mayMeet(one: TableRule, other: TableRule): boolean {
  if ((one.to ?? sameName) === sameName && (other.to ?? sameName) === sameName) return false;
  const [left, right] = [one, other].map(({ from, to }) => {
    const pattern = TablePattern.parse(from)!;
    const template = TargetTemplate.parse(to ?? sameName)!;
    const names = pattern.isLiteral ? template.fill(pattern.name, [], undefined) : template.name;
    return [names.schema, names.table].map(
      (name) =>
        new RegExp(
          `^${name.replaceAll(/[\\^$.*+?()[\]|]/g, String.raw`\$&`).replaceAll(/\{[^{}]*\}/g, '.*')}$`,
          'su',
        ),
    );
  });
  return left!.every((pattern, at) => overlap(pattern, right![at]!));
}

const overlap = (one: RegExp, other: RegExp): boolean => {
  const [a, b] = [one, other].map(({ source }) => source.slice(1, -1));
  const isWild = (text: string): boolean => text.includes('.*');
  if (isWild(a!) && isWild(b!)) return true;
  return isWild(a!) ? one.test(b!) : isWild(b!) ? other.test(a!) : a === b;
};
