// The Node package ws. NODE_PATH says where it is.

'use strict';

const fs = require('fs');
const { parseArgs } = require('util');
const WebSocket = require('ws');

const NAME = 'node-ws';
const WORKS = ['json-4k', 'json-64k', 'deflate-4k', 'deflate-alone-4k', 'deflate-64k'];
const CODEC = 'zlib 6/8';
const WARM_UP = 200;
const SKIPPED = 77;

function parseArguments() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  const options = { list: flag, settings: flag, client: text, work: text, url: text, count: text, texts: text };
  return parseArgs({ options }).values;
}

function settings() {
  const { version } = require('ws/package.json');
  return (
    `ws ${version} of Node ${process.versions.node}, without bufferutil; permessage-deflate only where it is ` +
    `measured, with its defaults: Node's zlib ${process.versions.zlib} on its thread pool, level 6, memory level 8`
  );
}

function deflateOptions(work) {
  if (work.startsWith('deflate-alone-')) return { clientNoContextTakeover: true, serverNoContextTakeover: true };
  return work.startsWith('deflate-');
}

function fail(reason) {
  console.error(`${NAME}: ${reason}`);
  process.exit(1);
}

function now() {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpuUs: user + system };
}

function run({ work, url, count, texts }) {
  const measured = Number(count);
  const warmUp = Math.max(WARM_UP, Math.floor(measured / 10));
  const messages = fs.readFileSync(texts, 'utf8').trim().split('\n').map((line) => Buffer.from(line));
  const socket = new WebSocket(url, { perMessageDeflate: deflateOptions(work) });
  let received = 0;
  let start;

  const send = () => socket.send(messages[received % messages.length], { binary: false });

  const report = () => {
    const end = now();
    const metrics = {
      msgs_per_s: (measured / (end.ms - start.ms)) * 1e3,
      cpu_us_per_msg: (end.cpuUs - start.cpuUs) / measured,
      codec: work.startsWith('deflate-') ? CODEC : 'none',
    };
    console.log(JSON.stringify(metrics));
    socket.close(1000);
  };

  socket.on('error', (error) => fail(error.message));
  socket.on('open', send);
  socket.on('message', (data, isBinary) => {
    if (isBinary || !data.equals(messages[received % messages.length])) fail('another text came than was sent');
    received++;
    if (received === warmUp) start = now();
    if (received === warmUp + measured) report();
    else send();
  });
}

const options = parseArguments();
if (options.list) console.log([NAME, 'node_ws.js', WORKS.join(',')].join('\t'));
else if (options.settings) console.log(settings());
else if (!WORKS.includes(options.work)) process.exit(SKIPPED);
else run(options);
