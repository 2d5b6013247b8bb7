import { describe, expect, it } from 'vitest';
import { defaultPasswordCost, generatePassword, PasswordHasher } from '../../cluster-manager/src/password.js';
import { cheapPasswords } from './fixture.js';

describe('PasswordHasher', () => {
  it('knows a password again, and no other', async () => {
    const hasher = new PasswordHasher();
    const hash = await hasher.hash('open sesame');
    expect(hash).toMatchObject({ algorithm: 'scrypt', ...defaultPasswordCost });
    expect(await hasher.verify('open sesame', hash)).toBe(true);
    expect(await hasher.verify('open sesam', hash)).toBe(false);
    expect(await hasher.verify('', hash)).toBe(false);
  });

  it('says no for a user that does not exist', async () => {
    expect(await new PasswordHasher(cheapPasswords).verify('', undefined)).toBe(false);
  });

  it('takes the parameters that stand beside the hash', async () => {
    const hash = await new PasswordHasher(cheapPasswords).hash('x');
    expect(await new PasswordHasher({ cost: 4, blockSize: 2, parallelization: 1 }).verify('x', hash)).toBe(
      true,
    );
  });

  it('salts: the same password hashes to something else each time', async () => {
    const hasher = new PasswordHasher(cheapPasswords);
    expect((await hasher.hash('x')).hash).not.toBe((await hasher.hash('x')).hash);
  });

  it('takes a password however its letters were composed', async () => {
    const hasher = new PasswordHasher(cheapPasswords);
    expect(await hasher.verify('Zu\u0308rich', await hasher.hash('Z\u00fcrich'))).toBe(true);
  });

  it('computes a bounded number at once, answers those that wait, and refuses more', async () => {
    const hasher = new PasswordHasher({ cost: 1024, blockSize: 8, parallelization: 1 });
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => hasher.hash('x')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(66);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused[0]?.reason).toMatchObject({ code: 'RATE_LIMITED' });
    await hasher.hash('x');
  });

  it('makes long passwords of plain letters and digits', () => {
    const passwords = Array.from({ length: 100 }, generatePassword);
    expect(new Set(passwords).size).toBe(100);
    for (const password of passwords) expect(password).toMatch(/^[A-Za-z0-9]{24}$/);
  });
});
