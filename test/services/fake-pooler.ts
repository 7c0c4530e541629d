/** A proxy that looks to a client as a pooler does: the key of its connection is no backend's. What the client sends is kept. */
import { connect, createServer, type Socket } from 'node:net';

export interface FakePooler {
  readonly port: number;
  /** All that clients have sent so far. */
  sent(): string;
  close(): Promise<void>;
}

/** In mode `statement` it answers BEGIN as PgBouncer does in that mode. */
export async function fakePooler(targetPort: number, mode: 'transaction' | 'statement'): Promise<FakePooler> {
  const sockets = new Set<Socket>();
  let sent = '';
  const server = createServer(client => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    client.on('data', chunk => {
      const text = chunk.toString('latin1');
      sent += text;
      if (mode === 'statement' && text.startsWith('Q') && text.includes('BEGIN')) client.end(refusal());
      else upstream.write(chunk);
    });
    let hasKey = false;
    upstream.on('data', (chunk: Buffer) => {
      const key = hasKey ? -1 : chunk.indexOf(KEY_DATA);
      if (key >= 0) chunk.writeInt32BE(-1 - chunk.readInt32BE(key + 5), key + 5);
      hasKey ||= key >= 0;
      client.write(chunk);
    });
    upstream.on('end', () => client.end());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    sent: () => sent,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** BackendKeyData: type and length. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12]);

function refusal(): Buffer {
  const fields = Buffer.from('SFATAL\0VFATAL\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0');
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
