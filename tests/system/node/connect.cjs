// CONNECT over HTTP/2, by node's own client: `connect.cjs ORIGIN CA`. Prints the status, the reason and the body as JSON.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [origin, ca] = process.argv.slice(2);
const session = http2.connect(origin, { ca: fs.readFileSync(ca) });
const request = session.request({ ':method': 'CONNECT', ':authority': 'b.test:443' });
let body = '';
request.setEncoding('utf8');
request.on('response', (head) => {
  request.on('data', (text) => { body += text; });
  request.on('end', () => {
    console.log(JSON.stringify({ status: head[':status'], reason: head['meridian-reason'], body }));
    session.destroy();
  });
});
