/** A column of the target, from INFORMATION_SCHEMA.COLUMNS. */
export interface TargetColumn {
  readonly name: string;
  /** DATA_TYPE in small letters, e.g. `bigint`, `varchar`, `bit`. */
  readonly dataType: string;
  readonly unsigned: boolean;
  /** Numbers: digits in all and behind the point; else 0. */
  readonly precision: number;
  readonly scale: number;
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
