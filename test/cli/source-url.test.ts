import { expect, test } from 'vitest';
import { exitCodeOf } from '../../cli/src/exit-code.js';
import { parseSourceUrl } from '../../cli/src/source-url.js';

test('a source has a host, a user, and a path where there is one', () => {
  expect(parseSourceUrl('mysql://me@db.example:3307/shop', 'drc')).toEqual({
    url: 'mysql://me@db.example:3307',
    user: 'me',
    host: 'db.example:3307',
    passwordInUrl: undefined,
    path: 'shop',
  });
  expect(parseSourceUrl('mariadb://a%40b@[::1]', 'drc')).toMatchObject({
    user: 'a@b',
    host: '[::1]',
    path: '',
  });
});

test.each<[string, string, RegExp]>([
  ['no URL', 'localhost', /is not a URL/],
  ['another protocol', 'http://me@localhost', /not mysql:\/\//],
  ['no user', 'mysql://localhost', /names no user/],
  ['a stray % in a name', 'mysql://m%e@localhost', /write %25/],
])('%s as a source is refused with exit code 2', (_what, url, message) => {
  const error = errorOf(() => parseSourceUrl(url, 'drc'));
  expect(error.message).toMatch(message);
  expect(exitCodeOf(error)).toBe(2);
});

function errorOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('Nothing was thrown.');
}
