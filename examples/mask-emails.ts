/** A row operator: e-mail addresses become pseudonyms, the same ones in every table and every run, so that joins survive. */
import { createHmac } from 'node:crypto';
import { defineOperator, type Operator } from 'millrace';
import { z } from 'zod';

const options = z.strictObject({
  columns: z.array(z.string()).min(1),
  /** True: what stands behind the @ stays. */
  keepDomain: z.boolean().default(true),
});

/** Names of the columns of Row that hold text. */
type TextColumn<Row> = { [K in keyof Row & string]: Row[K] extends string | null ? K : never }[keyof Row & string];

interface MaskOptions {
  /** Without it nobody finds an address again, nor makes the same pseudonym. */
  readonly key: string;
  readonly keepDomain?: boolean;
}

/**
 * Every address in these columns replaced by a pseudonym of 16 hexadecimal digits (HMAC-SHA256 of the address in lower case). Null stays null.
 * A record with something else in such a column is rejected: NO_ADDRESS.
 */
export function maskEmails<Row>(columns: readonly TextColumn<Row>[], { key, ...more }: MaskOptions): Operator<Row, Row> {
  return maskEmailsKind.create({ columns: [...columns], ...more }, key);
}

/** The key is a secret: so it is given beside the options, which may be printed and kept. */
export const maskEmailsKind = defineOperator<typeof options, string>({
  kind: 'maskEmails',
  options,
  row:
    ({ columns, keepDomain }, context, key) =>
    row => {
      const masked = { ...row };
      for (const column of columns) {
        const value = row[column];
        if (value === null || value === undefined) continue;
        const at = typeof value === 'string' ? value.lastIndexOf('@') : -1;
        if (at < 1) return context.reject('NO_ADDRESS', `column ${JSON.stringify(column)} does not hold an e-mail address`);
        const address = value as string;
        masked[column] = pseudonym(address, key) + (keepDomain ? address.slice(at) : '');
      }
      return masked;
    },
  // The same columns, of the same types.
  schema: input => input,
  title: ({ columns }) => columns.join(', '),
});

function pseudonym(address: string, key: string): string {
  return createHmac('sha256', key).update(address.toLowerCase()).digest('hex').slice(0, 16);
}
