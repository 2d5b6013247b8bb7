import { expect, test } from 'vitest';
import { changeByMysql } from '../../../client-sdk/src/congo/json-text.js';

test.each([
  ['{"a": [1, -2.5, 1e20, 0.1, 1.0, 0.0], "b": null}', true],
  ['[18446744073709551615, -9223372036854775808]', true],
  ['[18446744073709551616]', false],
  ['[-9223372036854775809]', false],
  ['[12345678901234567890.123456789]', false],
  ['[0.1234567890123456789]', false],
  // The same number, whatever zeros stand behind it.
  ['[1.10, 100.00]', true],
  ['[1.7976931348623157e308, 5e-324, -2.2250738585072014e-308]', true],
  ['["12345678901234567890.123456789", "a \\" 99999999999999999999.1"]', true],
  ['{"12345678901234567890.5": 1.5}', true],
  // A key of an object is repeated in that object only.
  ['{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}], "d": "a"}', true],
  ['{"a": 1, "b": {}, "a": 1}', false],
  ['{"a": 1, "\\u0061" : 1}', false],
  ['{"a": 1, "A": 1, "a\\"": 1, "\\\\": ":"}', true],
  ['[{"x": {"k": 1, "k": 2}}]', false],
  ['["a", "a", {"": 1, " ": 2}]', true],
  ['{"": 1, "": 2}', false],
  // An integer has no sign where it is zero; a DOUBLE has.
  ['[-0]', false],
  ['-0', false],
  ['{"-0": "-0", "b": [-0.0, -0e0, -01, 0, -10]}', true],
  // No JSON: the server says so.
  ['{"a": 1', true],
  ['}}]["', true],
  ['{"\\x": -, "b" 2', true],
])('MySQL keeps what %s means: %s', (text, keeps) => {
  expect(changeByMysql(text) === undefined).toBe(keeps);
});

test('a string of 40 MB in a JSON is passed over', () => {
  const long = '\\\\'.repeat(10_000_000) + 'x'.repeat(20_000_000);
  expect(changeByMysql(`{"a": "${long}", "b": 1}`)).toBeUndefined();
  expect(changeByMysql(`{"a": "${long}", "a": 1}`)).toMatch(/there twice/);
});
