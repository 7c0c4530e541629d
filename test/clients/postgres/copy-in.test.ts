import { expect } from 'chai';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { MillraceError } from '../../../lib/errors.ts';
import { resolveTarget } from '../../../lib/clients/postgres/connection/connection-options.ts';
import { BINARY_HEADER, BINARY_TRAILER, COPY_DONE, CopyIn } from '../../../lib/clients/postgres/write/copy-in.ts';
import { dataHeader } from '../../../lib/clients/postgres/write/copy-text.ts';
import { openPool, type PgPool, type PgSession } from '../../../lib/clients/postgres/connection/pool.ts';
import { endSessions, freshDatabase, sql } from '../../services/postgres.ts';

const STALL_MS = 20_000;
const data = (text: string): Uint8Array[] => [dataHeader(text.length), Buffer.from(text)];

async function failure(work: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

describe('COPY IN', () => {
  let url: string;
  let pool: PgPool;
  let session: PgSession;
  before(async () => {
    url = await freshDatabase('copy_in_test');
    await sql(url, 'CREATE TABLE t (id int4 CHECK (id <> 13), name text)');
    pool = openPool(resolveTarget({ url }));
  });
  beforeEach(async () => {
    await sql(url, 'TRUNCATE t');
    session = await pool.acquire();
  });
  afterEach(() => session.discard());
  after(() => pool.close());

  const start = (format = 'text'): Promise<CopyIn> => CopyIn.start(session.client, `COPY t FROM STDIN (FORMAT ${format})`, STALL_MS);
  const count = async (): Promise<number> => (await session.client.query<{ n: number }>('SELECT count(*)::int AS n FROM t')).rows[0]!.n;

  it('counts what the server took, and leaves the connection ready', async () => {
    const copy = await start();
    await copy.write(data('1\ta\n2\tb\n'));
    await copy.write([...data('3\t'), ...data('c\n')]);
    expect(await copy.end()).to.equal(3);
    expect(copy.bytes).to.equal(8 + 4 + 3 * 5);
    expect(await count()).to.equal(3);
  });

  it('takes an empty binary COPY', async () => {
    const copy = await start('binary');
    await copy.write([BINARY_HEADER, BINARY_TRAILER]);
    expect(await copy.end()).to.equal(0);
  });

  it('rejects a statement that is none, and stays usable', async () => {
    expect((await failure(CopyIn.start(session.client, 'COPY nothing FROM STDIN', STALL_MS))).code).to.equal('42P01');
    expect((await failure(CopyIn.start(session.client, 'SELECT 1', STALL_MS))).code).to.equal('INTERNAL');
    expect(await count()).to.equal(0);
  });

  it('sends data without waiting, for several COPYs in one text, and says which of them the server took', async () => {
    const twice = 'SAVEPOINT s; COPY t FROM STDIN; RELEASE SAVEPOINT s; SAVEPOINT s; COPY t FROM STDIN; RELEASE SAVEPOINT s';
    await session.client.query('BEGIN');
    const good = await CopyIn.startAhead(session.client, twice, STALL_MS);
    await good.write([...data('1\ta\n'), COPY_DONE, ...data('2\tb\n3\tc\n')]);
    expect(await good.end()).to.equal(2);
    expect(good.ended).to.deep.equal([1, 2]);
    const bad = await CopyIn.startAhead(session.client, twice, STALL_MS);
    await bad.write([...data('4\td\n'), COPY_DONE, ...data('13\tx\n')]);
    expect((await failure(bad.end())).code).to.equal('23514');
    expect(bad.ended).to.deep.equal([1]);
    const back = await CopyIn.startAhead(session.client, 'ROLLBACK TO SAVEPOINT s; COPY t FROM STDIN; RELEASE SAVEPOINT s', STALL_MS);
    await back.write(data('5\te\n'));
    await back.end();
    expect(await count()).to.equal(5);
    // What follows a statement that the server refuses is dropped.
    const none = await CopyIn.startAhead(session.client, 'SAVEPOINT s; COPY nothing FROM STDIN', STALL_MS);
    await none.write([...data('6\tf\n'.repeat(100_000)), COPY_DONE]).catch(() => undefined);
    expect((await failure(none.end())).code).to.equal('42P01');
    await session.client.query('ROLLBACK TO SAVEPOINT s; COMMIT');
    expect(await count()).to.equal(5);
  });

  it('rejects every call after a refused row, however much is still queued, and stays usable', async () => {
    const many = data('5\tx\n'.repeat(200_000));
    const copy = await start();
    await copy.write(data('13\tbad\n'));
    // The server says so when it gets there; until then it takes what comes.
    let code: string | undefined;
    for (const give = Date.now() + 10_000; code === undefined && Date.now() < give;) {
      await copy.write(many).catch((error: Error & { code?: string }) => (code = error.code));
    }
    expect(code).to.equal('23514');
    expect(copy.isFailed).to.equal(true);
    expect((await failure(copy.end())).code).to.equal('23514');
    await copy.fail('no matter');
    expect(await count()).to.equal(0);
    const again = await start();
    await again.write(data('1\tok\n'));
    expect(await again.end()).to.equal(1);
  });

  it('rejects the end where the last row is refused', async () => {
    const copy = await start();
    await copy.write(data('1\ta\n13\tb\n'));
    const error = await failure(copy.end());
    expect([error.code, (error as unknown as { where: string }).where]).to.satisfy(
      ([code, where]: string[]) => code === '23514' && where!.startsWith('COPY t, line 2'),
    );
  });

  it('gives up when told, and nothing is kept', async () => {
    const copy = await start();
    await copy.write(data('1\ta\n'));
    await copy.fail('changed \0 my mind');
    expect(await count()).to.equal(0);
  });

  it('waits for the server when much is queued', async () => {
    const copy = await start();
    const chunk = data('5\tx\n'.repeat(100_000));
    let most = 0;
    for (let i = 0; i < 30; i++) {
      await copy.write(chunk);
      most = Math.max(most, (session.client as unknown as { connection: { stream: Socket } }).connection.stream.writableLength);
    }
    expect(most).to.be.lessThan(700_000);
    expect(await copy.end()).to.equal(3_000_000);
  });

  it('rejects when the server ends the connection, while writing and while waiting', async () => {
    for (const waitsForEnd of [false, true]) {
      const own = await pool.acquire();
      const [{ pid }] = (await own.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];
      const copy = await CopyIn.start(own.client, 'COPY t FROM STDIN', STALL_MS);
      await copy.write(data('1\ta\n'));
      await endSessions(url, `FROM pg_stat_activity WHERE pid = ${pid}`);
      const write = async (): Promise<void> => {
        for (;;) await copy.write(data('5\tx\n'.repeat(50_000)));
      };
      const error = await failure(waitsForEnd ? copy.end() : write());
      expect(error.code, error.message).to.be.oneOf(['57P01', 'CONNECTION_LOST', 'EPIPE', 'ECONNRESET', undefined]);
      expect((await failure(copy.write(data('x')))).message).to.be.a('string');
      own.discard();
    }
  });

  it('is interrupted from outside', async () => {
    const copy = await start();
    const waiting = failure(copy.end());
    copy.interrupt(new MillraceError('CANCELLED', 'enough'));
    expect((await waiting).code).to.equal('CANCELLED');
  });

  describe('on a server that stops answering', () => {
    let deaf: Server;
    const sockets = new Set<Socket>();
    /** Lets a real login pass, then answers a COPY with "go on", and reads nothing more. */
    before(async () => {
      deaf = createServer(socket => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.once('data', () => {
          const ok = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
          socket.write(ok);
          socket.on('data', chunk => {
            if (chunk.includes('COPY')) socket.pause().write(Buffer.from([0x47, 0, 0, 0, 7, 0, 0, 0]));
            else socket.write(Buffer.from([0x43, 0, 0, 0, 13, ...Buffer.from('SELECT 1\0'), 0x5a, 0, 0, 0, 5, 0x49]));
          });
        });
      });
      await new Promise<void>(resolve => deaf.listen(0, '127.0.0.1', resolve));
    });
    after(() => {
      for (const socket of sockets) socket.destroy();
      deaf.close();
    });

    it('rejects with TIMEOUT once nothing has moved for the time allowed', async () => {
      const mute = openPool(resolveTarget({ host: '127.0.0.1', port: (deaf.address() as AddressInfo).port, user: 'x', database: 'x' }));
      const own = await mute.acquire();
      const copy = await CopyIn.start(own.client, 'COPY t FROM STDIN', 300);
      const write = async (): Promise<void> => {
        for (;;) await copy.write(data('x'.repeat(1_000_000)));
      };
      const error = await failure(write());
      expect(error.code).to.equal('TIMEOUT');
      expect((error as MillraceError).retryable).to.equal(true);
      own.discard();
      void mute.close();
    });
  });
});
