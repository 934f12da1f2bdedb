// The Node package ws. NODE_PATH says where it is.

'use strict';

const fs = require('fs');
const { parseArgs } = require('util');
const WebSocket = require('ws');

const NAME = 'node-ws';
const WORKS = [
  'json-4k', 'json-64k', 'deflate-4k', 'deflate-alone-4k', 'deflate-64k',
  'callback-rtt-64', 'callback-rtt-4k', 'callback-burst-64', 'tls-callback-rtt-64',
];
const CODEC = 'zlib 6/8';
const WARM_UP = 200;
const BURST = 256;
const SKIPPED = 77;

function parseArguments() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  const values = { client: text, work: text, url: text, count: text, texts: text, ca: text };
  return parseArgs({ options: { list: flag, settings: flag, ...values } }).values;
}

function settings() {
  const { version } = require('ws/package.json');
  return (
    `ws ${version} of Node ${process.versions.node}, without bufferutil, message after message in its event; ` +
    `permessage-deflate only where it is measured, with its defaults: Node's zlib ${process.versions.zlib} on its ` +
    `thread pool, level 6, memory level 8; TLS: OpenSSL ${process.versions.openssl}`
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

function percentile(samples, part) {
  return samples[Math.floor((samples.length - 1) * part)];
}

// Texts in turn, compared whole; or one binary message.
function textMessages(texts) {
  const messages = fs.readFileSync(texts, 'utf8').trim().split('\n').map((line) => Buffer.from(line));
  return {
    at: (index) => messages[index % messages.length],
    matches: (data, index) => data.equals(messages[index % messages.length]),
    binary: false,
  };
}

function binaryMessages(size) {
  const message = Buffer.from(Uint8Array.from({ length: size }, (_, position) => position * 31 + 7));
  const matches = (data) => data.length === size && data[0] === message[0] && data[size - 1] === message[size - 1];
  return { at: () => message, matches, binary: true };
}

function metricsOf({ work, measured, start, end, samples }) {
  const metrics = {
    msgs_per_s: (measured / (end.ms - start.ms)) * 1e3,
    cpu_us_per_msg: (end.cpuUs - start.cpuUs) / measured,
    codec: work.startsWith('deflate-') ? CODEC : 'none',
  };
  if (!samples) return metrics;
  samples.sort();
  return { ...metrics, p50_us: percentile(samples, 0.5) * 1e3, p99_us: percentile(samples, 0.99) * 1e3 };
}

function run({ work, url, count, texts, ca }) {
  const measured = Number(count);
  const atOnce = work === 'callback-burst-64' ? BURST : 1;
  // In whole bursts, so that what is measured begins with a send.
  const warmUp = Math.ceil(Math.max(WARM_UP, Math.floor(measured / 10)) / atOnce) * atOnce;
  const messages = texts ? textMessages(texts) : binaryMessages(work.endsWith('-4k') ? 4096 : 64);
  const samples = work.includes('-rtt-') ? new Float64Array(measured) : null;
  const options = { perMessageDeflate: deflateOptions(work), ...(ca && { ca: fs.readFileSync(ca) }) };
  const socket = new WebSocket(url, options);
  let sent = 0;
  let received = 0;
  let start;
  let last;

  const send = () => {
    const until = Math.min(sent + atOnce, warmUp + measured);
    for (; sent < until; sent++) socket.send(messages.at(sent), { binary: messages.binary });
  };

  const takeSample = () => {
    const time = performance.now();
    samples[received - warmUp - 1] = time - last;
    last = time;
  };

  socket.on('error', (error) => fail(error.message));
  socket.on('open', send);
  socket.on('message', (data, isBinary) => {
    if (isBinary !== messages.binary || !messages.matches(data, received)) fail('another message came than was sent');
    received++;
    if (samples && received > warmUp) takeSample();
    if (received === warmUp) {
      start = now();
      last = start.ms;
    }
    if (received === warmUp + measured) {
      console.log(JSON.stringify(metricsOf({ work, measured, start, end: now(), samples })));
      socket.close(1000);
    } else if (received === sent) {
      send();
    }
  });
}

const options = parseArguments();
if (options.list) console.log([NAME, 'node_ws.js', WORKS.join(',')].join('\t'));
else if (options.settings) console.log(settings());
else if (!WORKS.includes(options.work)) process.exit(SKIPPED);
else run(options);
