import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { folderFor, millrace } from './millrace.ts';

describe('millrace verify', () => {
  const folder = folderFor({ after });
  const at = (name: string): string => path.join(folder, name);
  before(() => {
    writeFileSync(at('a.csv'), 'id,name\n1,x\n2,y\n3,\n');
    writeFileSync(at('b.ndjson'), '{"id":3,"name":null}\n{"id":1,"name":"x"}\n{"id":2,"name":"y"}\n');
    writeFileSync(at('c.csv'), 'id,name\n2,Y\n1,x\n4,z\n');
  });

  it('ends with 0 where two places have the same records', async () => {
    expect(await millrace(['verify', at('a.csv'), at('b.ndjson')])).to.deep.include({
      status: 0,
      out: 'equal: 3 records, 2 columns\n',
      err: '',
    });
  });

  it('ends with 65 where they differ, and says in what', async () => {
    const { status, out } = await millrace(['verify', at('a.csv'), at('c.csv'), '--key', 'id']);
    expect(status).to.equal(65);
    expect(out.split('\n').slice(3)).to.deep.equal([
      'column id: other values',
      'column name: other values',
      '1 record only in A, 1 only in B, 1 different',
      '2: different: name',
      '3: only in A',
      '4: only in B',
      '',
    ]);
    const json = await millrace(['verify', at('a.csv'), at('c.csv'), '--json']);
    expect(json.status).to.equal(65);
    expect(JSON.parse(json.out)).to.deep.include({ equal: false, records: [3, 3], onlyInA: [], onlyInB: [] });
  });

  it('says what is wrong with a place or a key', async () => {
    expect((await millrace(['verify', at('a.csv'), at('nothing.csv')])).status).to.equal(66);
    expect((await millrace(['verify', at('a.csv'), at('c.csv'), '--key', 'idd'])).err).to.include('did you mean "id"?');
  });
});
