// SPDX-License-Identifier: Apache-2.0
//
// quiche_client.mjs PORT AT_A_TIME NAME...: sends files below www/ to an echo server (ALPN quicore-echo), one
// stream each, and writes what comes back below got/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

const [port, atATime, ...names] = process.argv.slice(2);
const { QUICClient } = await import(
  pathToFileURL(`${process.env.QUICORE_NODE}/node_modules/@matrixai/quic/dist/index.js`)
);

const client = await QUICClient.createQUICClient({
  host: '127.0.0.1',
  port: Number(port),
  serverName: 'localhost',
  localHost: '127.0.0.1',
  crypto: { ops: { randomBytes: async (data) => void crypto.getRandomValues(new Uint8Array(data)) } },
  config: {
    ca: readFileSync('cert.pem', 'utf8'),
    verifyPeer: true,
    applicationProtos: ['quicore-echo'],
    maxIdleTimeout: 60000,
  },
});

async function send(stream, body) {
  const writer = stream.writable.getWriter();
  for (let at = 0; at < body.length; at += 65536) await writer.write(body.subarray(at, at + 65536));
  await writer.close();
}

async function echo(name) {
  const stream = client.connection.newStream('bidi');
  const sending = send(stream, readFileSync(`www/${name}`));
  const parts = [];
  for await (const part of stream.readable) parts.push(part);
  await sending;
  mkdirSync(dirname(`got/${name}`), { recursive: true });
  writeFileSync(`got/${name}`, Buffer.concat(parts));
}

let next = 0;
await Promise.all(
  Array.from({ length: Number(atATime) }, async () => {
    while (next < names.length) await echo(names[next++]);
  }),
);
await client.destroy();
console.log('done');
