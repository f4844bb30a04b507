// undici as a client: `fetch.cjs ORIGIN CA VERSION`, VERSION 1 or 2. Many requests at once on few connections (pipelined
// over HTTP/1.1), bodies of known and unknown length, aborted requests. Prints what came back as JSON.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { Readable } = require('stream');
const undici = require('undici');

const [origin, ca, version] = process.argv.slice(2);
const http2 = version === '2';
const options = { connect: { ca: fs.readFileSync(ca) }, pipelining: http2 ? 1 : 16, connections: http2 ? 1 : 2 };
const pool = new undici.Pool(origin, { ...options, allowH2: http2, maxConcurrentStreams: 50 });

async function upload(body, headers) {
  const answer = await pool.request({ path: '/upload', method: 'POST', body, headers });
  return [answer.statusCode, await answer.body.json()];
}

async function many(count) {
  const ask = async (i) => {
    const answer = await pool.request({ path: `/echo?${i}`, method: 'GET' });
    return answer.statusCode === 200 && (await answer.body.text()) === `/echo?${i}`;
  };
  return (await Promise.all(Array.from({ length: count }, (_, i) => ask(i)))).filter(Boolean).length;
}

// Gives up while an answer is under way; those after it must get their own.
async function abort() {
  const controller = new AbortController();
  const answer = await pool.request({ path: '/events', method: 'GET', signal: controller.signal });
  await new Promise((resolve) => answer.body.once('data', resolve));
  answer.body.on('error', () => {});
  controller.abort();
  return many(20);
}

async function main() {
  const data = crypto.randomBytes(3 << 20);
  const sha256 = crypto.createHash('sha256').update(data).digest('hex');
  const pieces = Array.from({ length: 48 }, (_, i) => data.subarray(i << 16, (i + 1) << 16));
  const said = { many: await many(1000) };
  const sized = await upload(data);
  const streamed = await upload(Readable.from(pieces));
  said.uploads = [sized, streamed].map(([status, got]) => [status, got.bytes, got.sha256 === sha256]);
  said.head = (await pool.request({ path: '/', method: 'HEAD' })).statusCode;
  said.missing = (await pool.request({ path: '/none', method: 'GET' })).statusCode;
  said.afterAbort = await abort();
  console.log(JSON.stringify(said));
  await pool.destroy();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
