// ws as a client: `websocket.cjs URL CA`. Echoes of every size and kind, pings, many at once, a close with its code.
// Prints what came back as JSON.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { once } = require('events');
const WebSocket = require('ws');

const [url, ca] = process.argv.slice(2);
const options = { ca: ca ? fs.readFileSync(ca) : undefined };

async function open(path) {
  const socket = new WebSocket(url + path, ['echo'], options);
  const first = once(socket, 'message');
  await once(socket, 'open');
  socket.hello = JSON.parse((await first)[0]);
  return socket;
}

async function say(socket, data, sendOptions) {
  const answer = once(socket, 'message');
  socket.send(data, sendOptions);
  const [echo, binary] = await answer;
  return Buffer.compare(echo, Buffer.from(data)) === 0 && binary === Buffer.isBuffer(data);
}

async function main() {
  const socket = await open('/chat?room=1');
  const said = { hello: socket.hello, sizes: [] };
  for (const size of [0, 1, 125, 126, 65535, 65536, 3000000]) {
    said.sizes.push([size, await say(socket, crypto.randomBytes(size))]);
  }
  said.text = await say(socket, 'gr\u00fc\u00dfe');
  const fragments = once(socket, 'message');
  for (const piece of ['a', 'b']) socket.send(piece, { fin: false });
  socket.send('c', { fin: true });
  said.fragments = (await fragments)[0].toString();
  const pong = once(socket, 'pong');
  socket.ping('there?');
  said.pong = (await pong)[0].toString();

  const crowd = await Promise.all(Array.from({ length: 50 }, (_, i) => open(`/chat?${i}`)));
  said.crowd = (await Promise.all(crowd.map((one, i) => say(one, `mine is ${i}`)))).filter(Boolean).length;
  for (const one of crowd) one.terminate();

  const closed = once(socket, 'close');
  socket.close(4001, 'enough');
  said.close = (await closed)[0];
  console.log(JSON.stringify(said));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
