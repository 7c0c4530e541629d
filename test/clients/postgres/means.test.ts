import { connect as connectSocket, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect } from 'chai';
import { from, pipeline, to } from '../../../lib/index.ts';
import { failureOf, openSessions } from '../../sources/postgres-reading.ts';
import { freshDatabase, PASSWORD_USER, sql, startPostgres } from '../../services/postgres.ts';

const APP = 'means-test';

describe('a password and a socket that functions give', () => {
  let url = '';
  let port = 0;
  before(async () => {
    url = await freshDatabase('means_test');
    ({ port } = await startPostgres());
    await sql(
      url,
      `CREATE TABLE many AS SELECT i AS id FROM generate_series(1, 50000) i; GRANT ALL ON SCHEMA public TO "${PASSWORD_USER.user}"`,
    );
    await sql(url, `GRANT SELECT ON many TO "${PASSWORD_USER.user}"`);
  });

  const locked = () => ({ url: url.replace('postgres@', `${PASSWORD_USER.user}@`), applicationName: APP });

  it('asks for the password for each new connection, on both sides', async () => {
    let asked = 0;
    const password = (): Promise<string> => Promise.resolve(++asked < 100 ? PASSWORD_USER.password : 'old');
    const source = from.postgres<{ id: number }>({ ...locked(), table: 'many', password });
    const report = await pipeline(source, to.postgres({ ...locked(), table: 'copied', password: () => password() }));
    expect(report.written).to.equal(50_000);
    expect(asked).to.be.above(1);
    const before = asked;
    expect(await source.toArray()).to.have.length(50_000);
    expect(asked).to.be.above(before);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('says that the function failed, gave no text or a wrong one, took too long or was not waited for', async () => {
    const read = (password: () => string | Promise<string>, more = {}): Promise<string> =>
      failureOf(() => pipeline(from.postgres({ ...locked(), table: 'many', password, ...more }), to.null(), more));
    const failing = (): never => {
      throw new Error('hunter2');
    };
    expect(await read(failing)).to.match(/^AUTHENTICATION_FAILED connect: the function of option "password" failed$/);
    expect(await read(() => '')).to.match(/^AUTHENTICATION_FAILED .*gave no text/);
    expect(await read(() => 'hunter2')).to.match(/^AUTHENTICATION_FAILED connect: the password for user "locked" is wrong/);
    const never = (): Promise<string> => new Promise(() => undefined);
    const limited = () =>
      pipeline(from.postgres({ ...locked(), table: 'many', password: never, connectTimeoutMs: 30 }), to.null(), { retryFor: 0 });
    expect(await failureOf(limited)).to.match(/^UNREACHABLE .*"password" gave nothing within 30 ms/);
    const aborted = () =>
      pipeline(from.postgres({ ...locked(), table: 'many', password: never }), to.null(), { signal: AbortSignal.timeout(20) });
    expect(await failureOf(aborted)).to.match(/^CANCELLED /);
  });

  it('connects, and cancels, through sockets that are made for it, connected or about to be', async () => {
    const sockets: Socket[] = [];
    const about = (): Socket => {
      const made = connectSocket(port, '127.0.0.1');
      sockets.push(made);
      return made;
    };
    const connected = async (): Promise<Socket> => {
      const made = about();
      await new Promise(resolve => made.once('connect', resolve));
      return made;
    };
    const unreachable = { url: url.replace(`127.0.0.1:${port}`, 'db.invalid:1'), applicationName: APP, sslmode: 'disable' as const };
    for (const socket of [about, connected]) {
      sockets.length = 0;
      const source = from.postgres<{ id: number }>({ ...unreachable, socket, query: 'SELECT a.id FROM many a, many b' });
      for await (const { id } of source) if (id > 0) break;
      expect(await openSessions(url, APP)).to.equal(0);
      expect(sockets.length).to.be.above(1);
      expect(sockets.every(made => made.destroyed)).to.equal(true);
    }
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('takes any Duplex, and says when there is none', async () => {
    const target = { url: url.replace(`127.0.0.1:${port}`, 'db.invalid:1'), sslmode: 'disable' as const };
    const tunnel = (): Duplex => {
      const inner = connectSocket(port, '127.0.0.1');
      const outer: Duplex = new Duplex({
        read: () => inner.resume(),
        write: (chunk: Buffer, _, done) => void inner.write(chunk, done),
        final: done => void inner.end(done),
        destroy: (error, done) => {
          inner.destroy();
          done(error);
        },
      });
      inner.on('data', chunk => outer.push(chunk) || inner.pause());
      inner.on('end', () => outer.push(null));
      inner.on('error', error => outer.destroy(error));
      return outer;
    };
    expect(await from.postgres({ ...target, table: 'many', socket: tunnel }).toArray()).to.have.length(50_000);
    const broken = (socket: () => Duplex): Promise<string> =>
      failureOf(() => pipeline(from.postgres({ ...target, table: 'many', socket }), to.null(), { retryFor: 0 }));
    expect(await broken(() => ({}) as Duplex)).to.match(/^OPTION_INVALID .*"socket": the function gave no Duplex/);
    const failing = (): never => {
      throw new Error('no tunnel');
    };
    expect(await broken(failing)).to.match(/^UNREACHABLE connect: the function of option "socket" failed/);
    expect(await broken(() => connectSocket(1, '127.0.0.1'))).to.match(/^UNREACHABLE .*nothing listens there/);
  });
});
