import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { connect } from '../../../lib/clients/postgres/connection/connect.ts';
import { resolveTarget } from '../../../lib/clients/postgres/connection/connection-options.ts';
import { internalsOf } from '../../../lib/clients/postgres/connection/pg-internals.ts';
import { readingSocket, takeReads } from '../../../lib/clients/postgres/connection/socket-reads.ts';
import { from, pipeline, to } from '../../../lib/index.ts';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { freshDatabase } from '../../services/postgres.ts';

describe('what a PostgreSQL server sends', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('socket_reads_test');
  });

  it('comes to the driver whole though all connections read into one piece of memory', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(resolveTarget({ url }))));
    try {
      // Messages longer than a read, which the driver puts together over many of them.
      const sent = Array.from({ length: 12 }, async (_, i) => {
        const { rows } = await (clients[i % 4] as (typeof clients)[0]).query<{ text: string }>({
          text: `SELECT string_agg(md5((n * $1)::text), ',') AS text FROM generate_series(1, 12000) n`,
          values: [i + 1],
        });
        const hashes = Array.from({ length: 12_000 }, (_, n) =>
          createHash('md5')
            .update(String((n + 1) * (i + 1)))
            .digest('hex'),
        );
        expect(rows[0]?.text === hashes.join(','), `answer ${i}`).to.equal(true);
      });
      await Promise.all(sent);
    } finally {
      await Promise.all(clients.map(client => client.end()));
    }
  });

  it('keeps apart what several COPYs at a time bring', async () => {
    const read = async (part: number): Promise<void> => {
      const rows: { n: number; text: string }[] = [];
      await pipeline(
        from.postgres<{ n: number; text: string }>({
          url,
          query: `SELECT n, repeat(chr(64 + ${part}), n % 300) AS text FROM generate_series(1, 20000) n`,
        }),
        to.memory(rows),
      );
      expect(rows.length).to.equal(20_000);
      expect(rows.every(({ n, text }, i) => n === i + 1 && text === String.fromCharCode(64 + part).repeat(n % 300))).to.equal(true);
    };
    await Promise.all([1, 2, 3, 4].map(read));
  });

  it('waits in the system while the reader waits, and goes on from there', async () => {
    const bytes = Buffer.from(Array.from({ length: 4_000_000 }, (_, i) => i % 251));
    const server = createServer(socket => socket.end(bytes)).listen(0);
    await once(server, 'listening');
    const socket = readingSocket();
    const chunks: Buffer[] = [];
    let isPaused = false;
    takeReads(socket, chunk => {
      expect(isPaused).to.equal(false);
      chunks.push(Buffer.from(chunk));
      isPaused = true;
      socket.pause();
      setImmediate(() => {
        isPaused = false;
        socket.resume();
      });
    });
    socket.resume();
    socket.connect((server.address() as { port: number }).port, 'localhost');
    await once(socket, 'close');
    server.close();
    expect(Buffer.concat(chunks).equals(bytes)).to.equal(true);
    expect(chunks.length).to.be.greaterThan(10);
  });

  it('goes to the driver again once it was given back', async () => {
    const client = await connect(resolveTarget({ url }));
    try {
      const { stream } = internalsOf(client).connection;
      const seen: number[] = [];
      const reads = takeReads(stream, chunk => {
        seen.push(chunk.length);
        reads.giveBack();
        reads.pass(Buffer.from(chunk));
      });
      expect((await client.query<{ one: number }>('SELECT 1 AS one')).rows).to.deep.equal([{ one: 1 }]);
      expect((await client.query<{ two: number }>('SELECT 2 AS two')).rows).to.deep.equal([{ two: 2 }]);
      expect(seen.length).to.equal(1);
      expect((stream as Socket).listenerCount('data')).to.equal(1);
    } finally {
      await client.end();
    }
  });
});
