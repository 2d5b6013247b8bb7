import { configFaults } from '@drc/protocol';
import { expect, test } from 'vitest';
import { z } from 'zod';

const schema = z.strictObject({
  name: z.string().min(1).max(3),
  size: z.int().min(2).max(9),
  list: z.array(z.boolean()).min(1, 'names none'),
  kind: z.enum(['a', 'b']),
  below: z.strictObject({ one: z.number().optional() }),
  either: z.union([z.string(), z.boolean()], { error: 'must be one of these' }),
});
const right = { name: 'x', size: 5, list: [true], kind: 'a', below: {}, either: true };

const faultsOf = (value: unknown): readonly string[] =>
  configFaults(schema.safeParse(value, { reportInput: true }).error?.issues ?? []);

test.each<[string, unknown, readonly string[]]>([
  ['nothing wrong', right, []],
  [
    'nothing there',
    {},
    ['name', 'size', 'list', 'kind', 'below', 'either'].map((name) => `${name}: is missing`),
  ],
  [
    'lines without a value',
    { ...right, name: null, either: null, below: null },
    ['name', 'below', 'either'].map((name) => `${name}: is empty: give it a value, or take the line out`),
  ],
  [
    'wrong types',
    { name: [], size: 'x', list: 'x', kind: 7, below: 'x', either: 3 },
    [
      'name: must be a text',
      'size: must be a number',
      'list: must be a list',
      'kind: must be a or b',
      'below: must have settings below it',
      'either: must be one of these',
    ],
  ],
  [
    'wrong values',
    { ...right, name: 'long', size: 1.5, list: [] },
    ['name: must have at most 3 characters', 'size: must be a whole number', 'list: names none'],
  ],
  [
    'too little and too much',
    { ...right, name: '', size: 10, list: ['yes'] },
    ['name: must not be empty', 'size: must be at most 9', 'list.0: must be true or false'],
  ],
  [
    'settings that there are not',
    { ...right, below: { two: 2 }, nmae: 1 },
    ['below.two: is not a setting', 'nmae: is not a setting'],
  ],
  ['no settings at all', 'text', ['the file: must hold settings, each `name: value`']],
])('a configuration with %s is told so in words of its own', (_what, value, faults) => {
  expect(faultsOf(value)).toEqual(faults);
});
