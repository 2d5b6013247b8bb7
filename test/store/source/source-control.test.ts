import { expect, it } from 'vitest';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { startServer } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';

onServer('mariadb', 'the types that the source tells', () => {
  it('are those of the table with exactly this name', async () => {
    await using server = await startServer('mariadb');
    await server.query(`
      CREATE DATABASE crm; CREATE DATABASE Crm;
      CREATE TABLE crm.people (id BINARY(16), j LONGTEXT, k JSON);
      CREATE TABLE crm.People (id UUID, j JSON, k LONGTEXT);
      CREATE TABLE crm.\`péople\` (id INET6, j JSON, k JSON);
      CREATE TABLE Crm.people (id UUID, j JSON, k JSON);
      CREATE TABLE Crm.Other (id UUID);
      CREATE SEQUENCE crm.numbers; CREATE TABLE crm.Numbers AS SELECT * FROM crm.numbers`);
    await using control = await SourceControl.connect({
      host: '127.0.0.1',
      port: server.port,
      user: 'root',
      password: server.password,
    });
    const types = async (schema: string, table: string): Promise<string | undefined> => {
      const columns = await control.columnTypes(schema, table);
      return columns === undefined ? undefined : [...columns.values()].map((c) => c.dataType).join(' ');
    };
    expect(await types('crm', 'people')).toBe('binary longtext json');
    expect(await types('crm', 'People')).toBe('uuid json longtext');
    expect(await types('crm', 'péople')).toBe('inet6 json json');
    expect(await types('Crm', 'people')).toBe('uuid json json');
    expect(await types('crm', 'other')).toBeUndefined();
    expect(await types('Crm', 'other')).toBeUndefined();
    const isOfTable = async (table: string): Promise<boolean | undefined> =>
      (await control.columnTypes('crm', table))?.get('increment')?.isOfTable;
    expect(await isOfTable('numbers')).toBeUndefined();
    expect(await isOfTable('Numbers')).toBe(true);
  });
});
