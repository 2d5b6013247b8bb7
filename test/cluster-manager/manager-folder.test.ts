import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addUser, createMachineKey, initManager } from '@drc/cluster-manager';
import { describe, expect, it } from 'vitest';
import { cheapPasswords, managerFolder, temporaryFolder } from './fixture.js';

const cheap = { passwordCost: cheapPasswords };
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('initManager', () => {
  it('makes a private folder, a private key and an administrator with a password of its own', async () => {
    await using folder = await temporaryFolder();
    const [one, two] = [join(folder.path, 'deep/one'), join(folder.path, 'two')];
    const first = await initManager(one, cheap);
    const second = await initManager(two, cheap);
    expect(first.administrator.name).toBe('admin');
    expect(first.administrator.password).not.toBe(second.administrator.password);
    expect(await modeOf(one)).toBe('700');
    expect(await modeOf(join(one, 'signing-key.pem'))).toBe('600');
    const key = await readFile(join(one, 'signing-key.pem'), 'utf8');
    expect(key).not.toBe(await readFile(join(two, 'signing-key.pem'), 'utf8'));
  });

  it('takes an empty folder and makes it private', async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    await initManager(folder.path, cheap);
    expect(await modeOf(folder.path)).toBe('700');
  });

  it('refuses a folder that is not empty, and leaves it as it is', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'mine.txt'), 'mine');
    await expect(initManager(folder.path, cheap)).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'notEmpty' },
    });
    expect(await readdir(folder.path)).toEqual(['mine.txt']);
  });

  it('refuses to make a second manager over the first', async () => {
    await using folder = await managerFolder();
    await expect(initManager(folder.directory, cheap)).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  });

  it('refuses a path that is a file, and a name that cannot be', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    await expect(initManager(join(folder.path, 'file'), cheap)).rejects.toMatchObject({
      code: 'DATA_FOLDER',
    });
    const options = { ...cheap, cluster: '../x' };
    await expect(initManager(join(folder.path, 'new'), options)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  it('keeps neither passwords nor machine keys in the folder', async () => {
    await using folder = await managerFolder();
    const { key } = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
    const secrets = [folder.administrator.password, key.slice(-43)];
    for (const file of await readdir(folder.directory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const content = await readFile(join(file.parentPath, file.name), 'latin1');
      for (const secret of secrets) expect([file.name, content.includes(secret)]).toEqual([file.name, false]);
    }
  });
});

describe('addUser', () => {
  it('adds a user who can log in and read what was said', async () => {
    await using folder = await managerFolder();
    const ann = await addUser(
      folder.directory,
      { name: 'ann', topics: ['shop'], tables: ['shop.orders'] },
      cheap,
    );
    await createMachineKey(folder.directory, { kind: 'store', topics: ['shop', 'mail'] });
    await using manager = await folder.start();
    const { body } = await manager.request('GET', '/v1/topics', { token: await manager.token(ann) });
    expect(body).toEqual({ topics: [{ topic: 'shop', stores: 0 }] });
  });

  it('refuses a name that is taken, unless it is to be replaced', async () => {
    await using folder = await managerFolder();
    const first = await addUser(folder.directory, { name: 'ann' }, cheap);
    await expect(addUser(folder.directory, { name: 'ann' }, cheap)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    const second = await addUser(folder.directory, { name: 'ann', replace: true }, cheap);
    await using manager = await folder.start();
    expect((await manager.login(first)).status).toBe(401);
    expect((await manager.login(second)).status).toBe(200);
  });

  it('ends the logins of a password that was replaced', async () => {
    await using folder = await managerFolder();
    const ann = await addUser(folder.directory, { name: 'ann' }, cheap);
    let token: string;
    {
      await using manager = await folder.start();
      token = await manager.token(ann);
      expect((await manager.request('GET', '/v1/topics', { token })).status).toBe(200);
    }
    await addUser(folder.directory, { name: 'ann', replace: true }, cheap);
    await using manager = await folder.start();
    expect((await manager.request('GET', '/v1/topics', { token })).status).toBe(401);
  });

  it('refuses globs whose run time cannot be bounded', async () => {
    await using folder = await managerFolder();
    for (const topics of [['+(a|aa)'], ['{a,b}'], ['[a-z]'], ['*a*a*a*a*b'], [''], []]) {
      await expect(addUser(folder.directory, { name: 'ann', topics }, cheap)).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    }
  });
});

describe('createMachineKey', () => {
  it('makes keys that differ, in the documented form', async () => {
    await using folder = await managerFolder();
    const one = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
    const two = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
    expect(one.key).toMatch(/^drcmk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(one.key).toContain(one.id);
    expect(two.key).not.toBe(one.key);
  });

  it('binds store keys to names, never to globs', async () => {
    await using folder = await managerFolder();
    for (const topics of [['*'], ['shop', 'ma?l'], [], ['../x']]) {
      await expect(createMachineKey(folder.directory, { kind: 'store', topics })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    }
  });

  it('says that a manager runs on the folder, so that it can be asked instead', async () => {
    await using folder = await managerFolder();
    await using _manager = await folder.start();
    const request = { kind: 'store', topics: ['shop'] } as const;
    await expect(createMachineKey(folder.directory, request)).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'locked', pid: process.pid },
    });
  });

  it('says that no manager was made where there is none', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'empty'));
    const request = { kind: 'store', topics: ['shop'] } as const;
    await expect(createMachineKey(join(folder.path, 'empty'), request)).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'absent' },
    });
  });
});
