// node's own HTTP/2 server without TLS: GET /huge is 1 GiB, as fast as it is taken; POST is never read. Prints its port.
'use strict';
const http2 = require('http2');
const { Readable } = require('stream');

const piece = Buffer.alloc(65536);

function* huge() {
  for (let i = 0; i < 16384; i++) yield piece;
}

const server = http2.createServer();
server.on('stream', (stream, head) => {
  stream.on('error', () => {});
  if (head[':method'] === 'POST') return stream.pause();
  stream.respond({ ':status': 200 });
  if (head[':path'] !== '/files/huge') return stream.end('ok\n');
  Readable.from(huge()).pipe(stream);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
