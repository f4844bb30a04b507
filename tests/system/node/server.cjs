// A web site on node's own HTTP/1.1 server and ws: a page, uploads, events, WebSockets. Prints its port.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { WebSocketServer } = require('ws');

const routes = {
  'GET /': (_, response) => {
    response.setHeader('content-type', 'text/html');
    fs.createReadStream(path.join(__dirname, 'page.html')).pipe(response);
  },
  'GET /healthz': (_, response) => response.end('ok\n'),
  'GET /echo': (request, response) => response.end(request.url),
  // Five events, each written by itself; then the server waits for the client to leave.
  'GET /events': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (let i = 1; i <= 5; i++) response.write(`id: ${i}\ndata: event ${i}\n\n`);
  },
  'POST /upload': (request, response) => {
    const hash = crypto.createHash('sha256');
    let bytes = 0;
    request.on('data', (piece) => {
      hash.update(piece);
      bytes += piece.length;
    });
    request.on('end', () => response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })));
  },
};

const server = http.createServer((request, response) => {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes[`${method} ${request.url.split('?')[0]}`];
  if (route) return route(request, response);
  response.writeHead(404).end();
});
server.keepAliveTimeout = 0;

const sockets = new WebSocketServer({ server, handleProtocols: (offered) => offered.values().next().value });
sockets.on('connection', (socket, request) => {
  socket.send(JSON.stringify({ url: request.url, site: request.headers['meridian-site'], protocol: socket.protocol }));
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
