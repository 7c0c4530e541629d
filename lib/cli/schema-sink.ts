import { z } from 'zod';
import { type AnyBatch, defineSink } from '../core/define.ts';
import { inferTextType } from '../schema/infer.ts';
import { Schema } from '../schema/schema.ts';

/** What is found of a source's schema. */
export interface FoundSchema {
  /** As records have it: the columns of CSV are text. */
  schema: Schema | undefined;
  /** The same with types in place of text that is only text to its source. */
  typed: Schema | undefined;
}

const options = z.strictObject({});

/** Keeps the schema of what comes. Types of columns that are only text to their source (CSV) are found from their texts. */
export const schemaKind = defineSink<typeof options, FoundSchema>({
  kind: 'schema',
  options,
  guarantee: 'at-least-once',
  open: (_options, context, found) => {
    const texts = new Map<string, string[]>();
    const done = (): Promise<void> => Promise.resolve();
    return Promise.resolve({
      write: batch => {
        for (const { name, untyped } of context.schema?.fields ?? []) if (untyped === true) gather(texts, name, batch);
        context.settle(batch);
        return done();
      },
      flush: done,
      commit: () => {
        found.schema = context.schema;
        found.typed = context.schema === undefined ? undefined : typed(context.schema, texts);
        return Promise.resolve(null);
      },
      close: done,
      abort: done,
    });
  },
});

function gather(texts: Map<string, string[]>, name: string, batch: AnyBatch): void {
  const column = batch.column(name);
  const list = texts.get(name) ?? [];
  for (let row = 0; row < batch.length; row++) {
    const value = column.get(row);
    if (typeof value === 'string') list.push(value);
  }
  texts.set(name, list);
}

function typed({ fields }: Schema, texts: ReadonlyMap<string, readonly string[]>): Schema {
  return new Schema(
    fields.map(field => {
      const { name, untyped } = field;
      if (untyped !== true) return field;
      return { name, type: inferTextType(texts.get(name) ?? []), nullable: true };
    }),
  );
}
