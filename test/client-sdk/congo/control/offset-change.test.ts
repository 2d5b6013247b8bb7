import { TransactionSet } from '@drc/protocol';
import { expect, it } from 'vitest';
import { offsetChange } from '../../../../client-sdk/src/congo/control/offset-change.js';
import { foreignTo } from '../../../../client-sdk/src/congo/control/foreign-history.js';

const one = '6f3c1c44-0000-0000-0000-000000000001';
const two = '6f3c1c44-0000-0000-0000-000000000002';
const change = (current: string, next: string) =>
  offsetChange(TransactionSet.parse(current), TransactionSet.parse(next));

it.each([
  ['0-1-20', '0-1-20', [], []],
  ['0-1-20', '0-1-7', ['0-1-8…0-1-20'], []],
  ['0-1-20', '0-2-21,5-1-1', [], ['0-2-21', '5-1-1']],
  ['', '0-1-3', [], ['0-1-1…0-1-3']],
  ['7-1-2', '', ['7-1-1…7-1-2'], []],
  [`${one}:1-20`, `${one}:1-4:8:20-22`, [`${one}:5-7`, `${one}:9-19`], [`${one}:21-22`]],
  [`${one}:1-5,${two}:7`, `${one}:1-5:blue:2`, [`${two}:7`], [`${one}:blue:2`]],
  [`${one}:3:5`, `${one}:1-9`, [], [`${one}:1-2`, `${one}:4`, `${one}:6-9`]],
  [
    '0-1-18446744073709551615',
    '0-1-18446744073709551613',
    ['0-1-18446744073709551614…0-1-18446744073709551615'],
    [],
  ],
  ['1/bin.000007:400', '1/bin.000006:9', ['after 1/bin.000006:9 up to 1/bin.000007:400'], []],
  ['', '1/bin.000002:4', [], ['all up to 1/bin.000002:4']],
])('from %j to %j: %j are repeated, %j left out', (current, next, repeated, leftOut) => {
  expect(change(current, next)).toEqual({ repeated, leftOut });
});

it.each([
  ['0-1-5', '0-1-9', undefined],
  ['0-1-5', '0-2-9', undefined],
  ['0-1-5', '3-1-9', undefined],
  ['', `${one}:4`, undefined],
  [`${one}:1-9`, `${two}:4`, undefined],
  ['1/bin.000001:4', `${two}:4`, undefined],
  ['0-1-5', '0-2-5', 'it has 0-1-5, which server 2 wrote otherwise'],
  ['0-1-5', `${one}:4`, `${one}:4 is of MySQL, and the source is a MariaDB`],
  [`${one}:4`, '0-1-5', '0-1-5 is of MariaDB, and the source is a MySQL'],
])('a target with %j says of %j: %j', (applied, wanted, why) => {
  expect(foreignTo(TransactionSet.parse(applied), TransactionSet.parse(wanted))).toBe(why);
});
