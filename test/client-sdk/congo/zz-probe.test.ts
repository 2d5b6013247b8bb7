import { test } from 'vitest';
import { startMariadb } from '../../support/mariadb.js';
test('probe', async () => {
  await using s = await startMariadb();
  await s.query('create database x');
  const c = await s.connect({ database: 'x', charset: 'utf8mb4', dateStrings: true, supportBigNumbers: true, bigNumberStrings: true });
  await c.query(`set session sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00'`);
  const t = async (type: string, ...values: unknown[]) => {
    try {
    await c.query('drop table if exists t'); await c.query(`create table t (id int primary key auto_increment, v ${type}, key (v${/blob|text|json/.test(type) ? '(10)' : ''}))`);
    } catch { await c.query(`create table t (id int primary key auto_increment, v ${type})`); }
    for (const v of values) {
      const [r]: any = await c.execute(`insert into t (v) values (${/^bit/.test(type)?'cast(? as unsigned)':'?'})`, [v as any]);
      const [w] = r.warningStatus ? await c.query('show warnings') : [[]];
      const [row]: any = await c.query(`select v, hex(v) h from t where id=last_insert_id()`);
      let found: any = '', ex: any;
      try { [found] = await c.execute(`select count(*) n from t where v <=> ${/^bit/.test(type)?'cast(? as unsigned)':'?'}`, [v as any]); } catch (e: any) { found = e.message; }
      try { await c.query('flush status'); await c.execute(`update t set id=id where v = ${/^bit/.test(type)?'cast(? as unsigned)':'?'} limit 1`, [v as any]); [ex] = await c.query(`show session status like 'Handler_read%'`); } catch (e: any) { ex = e.message }
      const reads = Array.isArray(ex) ? ex.filter((e: any) => e.Value !== '0').map((e: any) => e.Variable_name.slice(13)+'='+e.Value).join() : ex;
      console.log(type.padEnd(22), String(v).slice(0, 30), '->', String(row[0].v).slice(0, 40), row[0].h?.slice(0,40), JSON.stringify(w), 'found', JSON.stringify(found), reads);
    }
  };
  await t('int', 5, -7); await t('bigint unsigned', '18446744073709551615', '9007199254740993'); await t('year', 0, 1901, 2155, 2020);
  await t('float', Math.fround(0.1), -0, Math.fround(3.4028234e38)); await t('double', 0.1, 1e308, -0);
  await t('decimal(40,20)', '12345678901234567890.12345678901234567890'); await t('decimal(10,2)', '1.239'); await t('int', '1.5');
  await t('date', '0000-00-00', '2020-00-10', '2021-02-30'); await t('datetime(6)', '0000-00-00 00:00:00.000000', '2021-02-30 10:00:00.123456');
  await t('datetime', '2021-02-03 10:00:00.923456'); await t('date', '2021-02-03 10:00:00');
  await t('timestamp(6) null', '2038-01-19 03:14:07.999999', '1970-01-01 00:00:01.000000', '0000-00-00 00:00:00.000000');
  await t('time(3)', '-838:59:59.000', '838:59:59.999', '25:00:00.000', '-00:00:01.500');
  await t('bit(10)', '1023'); await t('bit(64)', '18446744073709551615');
  await t("enum('a','B','1')", 'a', '1', ''); await t("set('a','b','c')", 'a,c', '');
  await t('binary(4)', Buffer.from([0xff, 0, 1, 0])); await t('varbinary(9)', Buffer.from([0xff, 0xc3, 1, 0x27, 0x5c, 0])); await t('blob', Buffer.from([0xff, 0xfe, 0x80]));
  await t('geometry', Buffer.from('000000000101000000000000000000f03f0000000000000040', 'hex'), Buffer.from('e6100000010100000000000000000000000000000000000040'.slice(0,50), 'hex'));
  await t('uuid', '123e4567-e89b-12d3-a456-426655440000'); await t('inet6', '2001:db8::ff00:42:8329', '::'); await t('inet4', '192.168.0.1');
  await t('json', '{"a": 1.10, "b":"ü😀"}'); await t('char(5)', 'a  ', 'ab'); await t('varchar(5) character set latin1', 'é ', '😀'); await t('text character set gbk', '汉字');
  await t('varchar(20) collate utf8mb4_general_ci', 'a', 'A');
  await c.end();
});
