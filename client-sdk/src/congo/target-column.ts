/** Types whose values a collation compares. */
export const collatedTypes: ReadonlySet<string> = new Set([
  'char',
  'varchar',
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
  'enum',
  'set',
]);

/** A column of the target, from INFORMATION_SCHEMA.COLUMNS. */
export interface TargetColumn {
  readonly name: string;
  /** DATA_TYPE in small letters, e.g. `bigint`, `varchar`, `bit`. */
  readonly dataType: string;
  readonly unsigned: boolean;
  /** Numbers: digits in all and behind the point; else 0. */
  readonly precision: number;
  readonly scale: number;
  /** FLOAT(m,d) and DOUBLE(m,d): d, to which the server rounds; undefined for every other column. */
  readonly decimals: number | undefined;
  /** ENUM and SET: the labels; else empty. */
  readonly labels: readonly string[];
  /** Temporal types with a time: fractional digits of seconds. */
  readonly fraction: number | undefined;
  /** BINARY and VARBINARY: bytes. Text: characters. Else 0. */
  readonly length: number;
  readonly nullable: boolean;
  readonly autoIncrement: boolean;
  /** Written by the target itself, unless a statement sets it. */
  readonly onUpdate: boolean;
  /** What an INSERT may leave out. */
  readonly optional: boolean;
  /** Computed by the target itself: never written. */
  readonly generated: boolean;
}
