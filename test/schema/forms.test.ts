import { expect } from 'chai';
import { z } from 'zod';
import { from, pipeline, to } from '../../lib/index.ts';
import type { GeneratedRow } from '../../sources/generate.ts';
import { SCHEMA_FORMS } from '../../lib/schema/forms/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';

const odd = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: '__proto__', type: { kind: 'varchar', length: 3 }, nullable: true },
  { name: 'Größe "1"', type: { kind: 'numeric', precision: 5, scale: 2 }, nullable: false },
  { name: 'mood', type: { kind: 'enum', name: 'public.mood', labels: ['so "so"', 'b'] }, nullable: true },
  { name: 'tags', type: { kind: 'array', element: { kind: 'text' } }, nullable: false },
  { name: 'meta', type: { kind: 'jsonb' }, nullable: true },
]);

describe('a schema written down', () => {
  it('as a list, aligned', () => {
    expect(SCHEMA_FORMS.text(odd, 'x').split('\n')).to.deep.equal([
      'id             int8          not null',
      '__proto__      varchar(3)',
      String.raw`"Größe \"1\""  numeric(5,2)  not null`,
      'mood           public.mood',
      'tags           text[]        not null',
      'meta           jsonb',
    ]);
  });

  it('as TypeScript: names quoted where they must be, null where it can be', () => {
    expect(SCHEMA_FORMS.typescript(odd, 'order items').split('\n')).to.deep.equal([
      'export interface OrderItems {',
      '  id: number;',
      '  ["__proto__"]: string | null;',
      String.raw`  "Größe \"1\"": string;`,
      String.raw`  mood: "so \"so\"" | "b" | null;`,
      '  tags: (string | null)[];',
      '  meta: unknown;',
      '}',
    ]);
    expect(SCHEMA_FORMS.typescript(new Schema([]), '2024').split('\n')[0]).to.equal('export interface Row2024 {');
  });

  it('as SQL, with names quoted and exact types', () => {
    expect(SCHEMA_FORMS.sql(odd, 'my "t"')).to.equal(
      [
        'CREATE TABLE "my ""t""" (',
        '  "id" int8 NOT NULL,',
        '  "__proto__" varchar(3),',
        '  "Größe ""1""" numeric(5,2) NOT NULL,',
        '  "mood" public.mood,',
        '  "tags" text[] NOT NULL,',
        '  "meta" jsonb',
        ');',
      ].join('\n'),
    );
  });

  it('as JSON Schema of the records as JSON has them', () => {
    const schema = JSON.parse(SCHEMA_FORMS['json-schema'](odd, 'x')) as { properties: Record<string, unknown>; required: string[] };
    expect(schema.required).to.deep.equal(odd.names);
    expect(Object.keys(schema.properties)).to.have.members(odd.names);
    expect(schema.properties['mood']).to.deep.equal({ anyOf: [{ enum: ['so "so"', 'b'] }, { type: 'null' }] });
    expect(Object.getOwnPropertyDescriptor(schema.properties, '__proto__')?.value).to.deep.equal({
      type: ['string', 'null'],
      maxLength: 3,
    });
  });

  it('as a zod schema that takes the records, and refuses others', async () => {
    const rows: GeneratedRow[] = [];
    await pipeline(from.generate({ rows: 500 }), to.memory(rows));
    const fields = (
      [
        ['id', 'int8', false],
        ['customer', 'int4', false],
        ['name', 'text', true],
        ['email', 'text', false],
        ['amount', 'numeric', false],
        ['score', 'float8', false],
        ['active', 'bool', true],
        ['created', 'timestamptz', false],
        ['born', 'date', false],
        ['meta', 'jsonb', true],
      ] as const
    ).map(([name, kind, nullable]) => ({ name, type: { kind } as DataType, nullable }));
    const check = evaluated(SCHEMA_FORMS.zod(new Schema(fields), 'made up'));
    for (const row of rows) expect(check.safeParse(row).error, JSON.stringify(row)).to.equal(undefined);
    for (const [name, value] of [
      ['id', '1'],
      ['customer', 2 ** 31],
      ['amount', '1,5'],
      ['score', '1'],
      ['created', '2024'],
      ['email', null],
    ] as const)
      expect(check.safeParse({ ...rows[0], [name]: value }).success, name).to.equal(false);
    const other = evaluated(SCHEMA_FORMS.zod(odd, 'x'));
    const row = { id: 1, ['__proto__']: 'abc', 'Größe "1"': '1.50', mood: 'b', tags: ['a', null], meta: null };
    expect(other.safeParse(row).error).to.equal(undefined);
    expect(other.safeParse({ ...row, mood: 'c' }).success).to.equal(false);
  });
});

/** The module that it is, without its imports and exports. */
function evaluated(code: string): z.ZodType {
  const name = /export const (\w+) =/.exec(code)?.[1] ?? '';
  const body = code
    .split('\n')
    .filter(line => !/^(import|export type)/.test(line))
    .join('\n')
    .replace('export const', 'const');
  return (new Function('z', `${body}\nreturn ${name};`) as (given: typeof z) => z.ZodType)(z);
}
