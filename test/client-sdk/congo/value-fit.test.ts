import { expect, test } from 'vitest';
import { keepsNumbers } from '../../../client-sdk/src/congo/value-fit.js';

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
])('the numbers of %s are kept by a server that has integers and doubles: %s', (text, keeps) => {
  expect(keepsNumbers(text)).toBe(keeps);
});
