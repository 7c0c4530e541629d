// What files may lose goes by the names of the columns that reach them.
import { from, pipeline, project, to } from '../../lib/index.ts';

interface Row {
  id: number;
  meta: unknown;
}
await pipeline(from.file<Row>('a.ndjson'), to.file('b.ndjson', { lossy: ['meta'] }));
await pipeline(from.file<Row>('a.ndjson'), project('meta'), to.file<Pick<Row, 'meta'>>('b.ndjson', { lossy: ['meta'] }));
to.file<Row>('b.ndjson', { lossy: ['id', 'meta'] });
// @ts-expect-error a column that the records do not have
to.file<Row>('b.ndjson', { lossy: ['mata'] });
// @ts-expect-error … that was projected away
await pipeline(from.file<Row>('a.ndjson'), project('id'), to.file<Pick<Row, 'id'>>('b.ndjson', { lossy: ['meta'] }));
