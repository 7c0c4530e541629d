import type { CoercedTypes } from '../../operators/coerce.ts';
import { parseNames, parsePairs } from '../query/parse-names.ts';
import { MillraceError } from '../errors.ts';
import type { OperatorOptions } from './options.ts';

type Row = Record<string, unknown>;

/**
 * The operators that the options ask for, in their order of effect, however they are written: where, order, limit, select, rename, coerce; each
 * names columns as the one before left them. Each is loaded only when it is asked for.
 */
export async function operatorsFrom({ where, order, limit, select, rename, coerce }: OperatorOptions): Promise<unknown[]> {
  const operators: unknown[] = [];
  if (where !== undefined) operators.push(await filterFrom(where));
  if (order !== undefined) operators.push(await sortFrom(order));
  if (limit !== undefined) operators.push((await import('../../operators/take.ts')).take(limit));
  if (select !== undefined)
    operators.push((await import('../../operators/project.ts')).project<Row, string>(...parseNames(select, '--select')));
  if (rename !== undefined)
    operators.push(
      (await import('../../operators/rename.ts')).rename<Row, Row & Record<string, string>>(parsePairs(rename, '--rename', '=')),
    );
  if (coerce !== undefined) operators.push(await coerceFrom(coerce));
  return operators;
}

async function filterFrom(where: string): Promise<unknown> {
  const [{ filterBy }, { parseExpression }] = await Promise.all([
    import('../../operators/filter.ts'),
    import('../query/parse-expression.ts'),
  ]);
  try {
    return filterBy(parseExpression(where));
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    throw new MillraceError(error.code, `--where: ${error.message}`, { stage: 'filter', cause: error });
  }
}

async function sortFrom(order: string): Promise<unknown> {
  const [{ sortKind }, { parseOrder }] = await Promise.all([import('../../operators/sort.ts'), import('../query/order.ts')]);
  return sortKind.create<Row, Row>({ by: [...parseOrder(order, '--order')] }, undefined);
}

async function coerceFrom(types: string): Promise<unknown> {
  const { coerce } = await import('../../operators/coerce.ts');
  return coerce(parsePairs(types, '--coerce', ':') as Record<string, keyof CoercedTypes>);
}
