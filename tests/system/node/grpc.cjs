// @grpc/grpc-js at both ends, without generated code: messages are strings.
//   grpc.cjs serve             prints its port, then "cancelled" for each call of Sleep that its client gave up
//   grpc.cjs call ADDRESS CA   one call of each kind by TLS; prints what came back as JSON
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const encode = (text) => Buffer.from(text);
const decode = (bytes) => bytes.toString();

function method(name, requestStream, responseStream) {
  return {
    path: `/meridian.Test/${name}`, requestStream, responseStream,
    requestSerialize: encode, requestDeserialize: decode, responseSerialize: encode, responseDeserialize: decode,
  };
}
const service = {
  Unary: method('Unary', false, false), Fail: method('Fail', false, false), Sleep: method('Sleep', false, false),
  Count: method('Count', false, true), Total: method('Total', true, false), Chat: method('Chat', true, true),
};

const methods = {
  Unary(call, done) {
    const trailer = new grpc.Metadata();
    trailer.set('x-trailing', String(call.metadata.get('x-sent')[0] || ''));
    done(null, call.request.toUpperCase(), trailer);
  },
  Fail: (_, done) => done({ code: grpc.status.NOT_FOUND, details: 'nothing by that name' }),
  Sleep: (call) => call.on('cancelled', () => console.log('cancelled')),
  Count(call) {
    for (let i = 0; i < Number(call.request); i++) call.write(String(i));
    call.end();
  },
  Total(call, done) {
    let bytes = 0;
    call.on('data', (text) => { bytes += text.length; });
    call.on('end', () => done(null, String(bytes)));
  },
  Chat(call) {
    call.on('data', (text) => call.write([...text].reverse().join('')));
    call.on('end', () => call.end());
  },
};

function serve() {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(service, methods);
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
  });
}

async function call(address, ca) {
  const Client = grpc.makeGenericClientConstructor(service, 'Test');
  const client = new Client(address, grpc.credentials.createSsl(fs.readFileSync(ca)));
  const unary = (name, request, { seconds = 20, sent = 'kept' } = {}) => new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    metadata.set('x-sent', sent);
    const trailers = {};
    const running = client[name](request, metadata, { deadline: Date.now() + seconds * 1000 }, (error, reply) => {
      setImmediate(() => resolve({ code: error ? error.code : 0, details: error && error.details, reply, trailers }));
    });
    running.on('status', (status) => Object.assign(trailers, status.metadata.getMap()));
  });
  const collect = (stream) => new Promise((resolve, reject) => {
    const all = [];
    stream.on('data', (text) => all.push(text)).on('end', () => resolve(all)).on('error', reject);
  });

  const said = { unary: await unary('Unary', 'hello'), fail: await unary('Fail', 'x') };
  said.large = (await unary('Unary', 'x'.repeat(3000000))).reply.length;
  said.deadline = (await unary('Sleep', 'x', { seconds: 0.3 })).code;
  said.count = (await collect(client.Count('1000'))).length;
  said.total = await new Promise((resolve, reject) => {
    const stream = client.Total((error, reply) => (error ? reject(error) : resolve(reply)));
    for (let i = 0; i < 500; i++) stream.write('y'.repeat(1000));
    stream.end();
  });
  const chat = client.Chat();
  const heard = collect(chat);
  for (const text of ['abc', 'def', 'ghi']) chat.write(text);
  chat.end();
  said.chat = await heard;
  said.crowd = (await Promise.all(Array.from({ length: 200 }, (_, i) => unary('Unary', `n${i}`))))
    .filter((one, i) => one.reply === `N${i}`).length;
  console.log(JSON.stringify(said));
  client.close();
}

const [what, ...rest] = process.argv.slice(2);
if (what === 'serve') serve();
else call(...rest).catch((error) => { console.error(error); process.exit(1); });
