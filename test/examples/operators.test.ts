import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { type DeadLetter, from, pipeline, Schema, to } from 'millrace';
import { operatorCases } from 'millrace/testing';
import { freshDatabase, sql } from '../services/postgres.ts';
import { maskEmails } from '../../examples/mask-emails.ts';
import { runningTotal } from '../../examples/running-total.ts';
import { tumblingWindow, type Window } from '../../examples/tumbling-window.ts';

interface User {
  id: number;
  email: string | null;
}
const pseudonym = (address: string): string => createHmac('sha256', 'k1').update(address).digest('hex').slice(0, 16);
const users: User[] = Array.from({ length: 20 }, (_, id) => ({ id, email: id % 5 === 0 ? null : `U${id}@example.org` }));
const userSchema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'email', type: { kind: 'text' }, nullable: true },
]);

describe('example maskEmails', () => {
  for (const { name, run } of operatorCases<User, User>({
    open: () => maskEmails<User>(['email'], { key: 'k1' }),
    input: users,
    schema: userSchema,
    expected: users.map(({ id, email }) => ({ id, email: email === null ? null : `${pseudonym(email.toLowerCase())}@example.org` })),
  }))
    it(name, run);

  it('gives the same pseudonym in every table, refuses what is no address, and says so without showing it', async () => {
    const orders: { buyer: string }[] = [];
    const people: User[] = [];
    const letters: DeadLetter[] = [];
    await pipeline(from.records([{ buyer: 'u1@example.org' }]), maskEmails(['buyer'], { key: 'k1', keepDomain: false }), to.memory(orders));
    const report = await pipeline(
      from.records<User>([users[1]!, { id: 7, email: 'nobody' }]),
      maskEmails(['email'], { key: 'k1' }),
      to.memory(people),
      { deadLetter: to.memory(letters) },
    );
    expect(people).to.deep.equal([{ id: 1, email: `${orders[0]?.buyer}@example.org` }]);
    expect(report.rejects).to.deep.equal([
      { stage: 'maskEmails', code: 'NO_ADDRESS', reason: 'column "email" does not hold an e-mail address', count: 1 },
    ]);
    expect(letters).to.have.length(1);
    expect(letters[0]).to.include({ stage: 'maskEmails', code: 'NO_ADDRESS' });
    expect(letters[0]?.record).to.deep.equal({ id: 7, email: 'nobody' });
  });

  it('is typed: a column that holds no text fails to compile', () => {
    // @ts-expect-error id is a number
    const wrong = (): unknown => maskEmails<User>(['id'], { key: 'k1' });
    expect(wrong).to.be.a('function');
  });
});

interface Payment {
  id: number;
  amount: number | null;
}
const payments: Payment[] = Array.from({ length: 20 }, (_, id) => ({ id, amount: id % 4 === 0 ? null : id }));
const paymentSchema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'amount', type: { kind: 'float8' }, nullable: true },
]);

describe('example runningTotal', () => {
  let sum = 0;
  for (const { name, run } of operatorCases({
    open: () => runningTotal<Payment, 'total'>('amount', 'total'),
    input: payments,
    schema: paymentSchema,
    expected: payments.map(payment => ({ ...payment, total: (sum += payment.amount ?? 0) })),
  }))
    it(name, run);

  it('leaves out what is no number, and adds a column behind the others', async () => {
    const made: object[] = [];
    const letters: DeadLetter[] = [];
    const dirty = [{ amount: 1 }, { amount: NaN }, { amount: 2 }, { amount: '3' as unknown as number }, { amount: 4 }];
    const report = await pipeline(from.memory(dirty), runningTotal('amount', 'sum'), to.memory(made), { deadLetter: to.memory(letters) });
    expect(made).to.deep.equal([
      { amount: 1, sum: 1 },
      { amount: 2, sum: 3 },
      { amount: 4, sum: 7 },
    ]);
    expect(report).to.include({ read: 5, written: 3, rejected: 2 });
    expect(letters.map(({ code, position }) => ({ code, position }))).to.deep.equal([
      { code: 'NO_NUMBER', position: { row: 1 } },
      { code: 'NO_NUMBER', position: { row: 3 } },
    ]);
  });

  it('makes a column for sums of any kind, though the first ones are whole numbers', async () => {
    const list = Array.from({ length: 2000 }, (_, id) => ({ id, amount: id === 1500 ? 0.5 : 1 }));
    const url = await freshDatabase('example_running_total');
    const report = await pipeline(from.records(list), runningTotal('amount', 'sum'), to.postgres({ url, table: 'sums' }));
    expect(report).to.include({ written: 2000, rejected: 0 });
    const [row] = await sql<{ type: string; last: number }>(url, 'SELECT pg_typeof(max(sum))::text AS type, max(sum) AS last FROM sums');
    expect(row).to.deep.equal({ type: 'double precision', last: 1999.5 });
  });

  it('says before the first record that a column is not there', async () => {
    const absent = runningTotal<{ total: number }, 'sum'>('total', 'sum');
    const run = pipeline(from.memory([{ total: 1 }], paymentSchema), absent, to.null());
    const error = await run.catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'COLUMN_UNKNOWN' });
  });
});

interface Reading {
  at: Date;
  celsius: number;
}
const minute = (n: number): Date => new Date(Date.UTC(2026, 0, 1, 0, n));
const readings: Reading[] = Array.from({ length: 20 }, (_, n) => ({ at: minute(n * 17), celsius: (n * 7) % 10 }));
const readingSchema = new Schema([
  { name: 'at', type: { kind: 'timestamptz' }, nullable: false },
  { name: 'celsius', type: { kind: 'float8' }, nullable: false },
]);

function hourly(list: readonly Reading[]): Window[] {
  const starts = new Set(list.map(({ at }) => Math.floor(at.getTime() / 3_600_000) * 3_600_000));
  return [...starts].map(start => {
    const values = list.filter(({ at }) => at.getTime() >= start && at.getTime() < start + 3_600_000).map(({ celsius }) => celsius);
    return {
      start: new Date(start),
      count: values.length,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      min: Math.min(...values),
      max: Math.max(...values),
    };
  });
}

describe('example tumblingWindow', () => {
  const open = () => tumblingWindow<Reading>({ time: 'at', value: 'celsius', seconds: 3600 });
  for (const { name, run } of operatorCases({ open, input: readings, schema: readingSchema, expected: hourly(readings) })) it(name, run);

  it('refuses what comes too late or is no reading, and counts what goes into a window as dropped', async () => {
    const made: Window[] = [];
    const letters: DeadLetter[] = [];
    const dirty = [readings[0]!, readings[4]!, readings[1]!, { at: minute(80), celsius: null as unknown as number }, readings[5]!];
    const report = await pipeline(from.records(dirty), open(), to.memory(made), { deadLetter: to.memory(letters) });
    expect(made.map(({ start, count }) => [start.toISOString(), count])).to.deep.equal([
      ['2026-01-01T00:00:00.000Z', 1],
      ['2026-01-01T01:00:00.000Z', 2],
    ]);
    expect(letters.map(({ code }) => code)).to.deep.equal(['TOO_LATE', 'NO_READING']);
    expect(report.stages[1]).to.include({ kind: 'tumblingWindow', in: 5, out: 2, dropped: 1, rejected: 2, made: 0 });
  });
});
