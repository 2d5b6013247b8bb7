/** An expression as it was written. `at`: where it begins, in characters from 0. */
export type Syntax =
  | { readonly kind: 'null'; readonly at: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly at: number }
  /** Digits with or without a point: exact. */
  | { readonly kind: 'number'; readonly text: string; readonly at: number }
  | { readonly kind: 'float'; readonly value: number; readonly at: number }
  | { readonly kind: 'text'; readonly value: string; readonly at: number }
  | { readonly kind: 'bytes'; readonly value: Buffer; readonly at: number }
  | { readonly kind: 'column'; readonly name: string; readonly at: number }
  | { readonly kind: 'not'; readonly of: Syntax; readonly at: number }
  | { readonly kind: 'negative'; readonly of: Syntax; readonly at: number }
  | {
      readonly kind: 'logical';
      readonly operator: 'and' | 'or' | 'xor';
      readonly left: Syntax;
      readonly right: Syntax;
      readonly at: number;
    }
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: Syntax;
      readonly right: Syntax;
      readonly at: number;
    }
  | {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Syntax;
      readonly right: Syntax;
      readonly at: number;
    }
  | {
      readonly kind: 'is';
      readonly what: 'null' | 'true' | 'false';
      readonly of: Syntax;
      readonly at: number;
    }
  | { readonly kind: 'in'; readonly of: Syntax; readonly list: readonly Syntax[]; readonly at: number }
  | {
      readonly kind: 'between';
      readonly of: Syntax;
      readonly low: Syntax;
      readonly high: Syntax;
      readonly at: number;
    }
  | {
      readonly kind: 'like';
      readonly of: Syntax;
      readonly pattern: string;
      readonly escape: string;
      readonly at: number;
    }
  | {
      readonly kind: 'case';
      /** Undefined: each WHEN is a condition. */
      readonly of: Syntax | undefined;
      readonly branches: readonly { readonly when: Syntax; readonly gives: Syntax }[];
      readonly otherwise: Syntax | undefined;
      readonly at: number;
    }
  /** `name` in capitals. */
  | { readonly kind: 'call'; readonly name: string; readonly values: readonly Syntax[]; readonly at: number };

export type ComparisonOperator = '=' | '<=>' | '<>' | '<' | '<=' | '>' | '>=';
export type ArithmeticOperator = '+' | '-' | '*' | '/' | 'div' | '%';
