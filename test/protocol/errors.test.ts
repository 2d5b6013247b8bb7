import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DrcError, errorTable, type ErrorCode, isDrcError, isErrorCode } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { errorsDocument } from '../support/errors-doc.js';

const page = fileURLToPath(new URL('../../docs/errors.md', import.meta.url));
const codes = Object.keys(errorTable) as ErrorCode[];

describe('the error table', () => {
  it.each(codes)('says in whole sentences what %s means and what to do', (code) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(errorTable[code].advice).toMatch(/^[A-Z`].{20,}[.]$/s);
    expect(typeof errorTable[code].retryable).toBe('boolean');
  });

  it('is what docs/errors.md says', async () => {
    if (process.env['DRC_UPDATE_DOCS'] === '1') await writeFile(page, errorsDocument());
    expect(await readFile(page, 'utf8')).toBe(errorsDocument());
  });
});

describe('a DrcError', () => {
  it('carries code, details, cause, and the advice of the table', () => {
    const cause = new Error('why');
    const error = new DrcError('RETENTION_EXPIRED', 'Too old.', { oldest: 5 }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DrcError',
      message: 'Too old.',
      details: { oldest: 5 },
      retryable: false,
    });
    expect(error.cause).toBe(cause);
    expect(error.advice).toBe(errorTable.RETENTION_EXPIRED.advice);
  });

  it('is known by its class and code', () => {
    const error = new DrcError('CLOSED', 'Closed.');
    expect([isDrcError(error), isDrcError(error, 'CLOSED'), isDrcError(error, 'INTERNAL')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(isDrcError(Object.assign(new Error('x'), { code: 'CLOSED' }))).toBe(false);
  });

  it('has no code that objects have by themselves', () => {
    for (const value of ['constructor', '__proto__', 'closed', '', 7, undefined, null, {}])
      expect(isErrorCode(value)).toBe(false);
    for (const code of codes) expect(isErrorCode(code)).toBe(true);
  });
});
