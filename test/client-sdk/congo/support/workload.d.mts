import type { Change } from '@drc/client-sdk';

export declare const workloadTables: readonly string[];
/** The changes of so many transactions, and the rows that a target must have after all of them. */
export declare function workload(transactions: number): {
  readonly transactions: readonly (readonly Change[])[];
  readonly orders: readonly { readonly id: number; readonly note: string }[];
  readonly bare: readonly string[];
};
