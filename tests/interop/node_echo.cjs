// Echo server on npm ws: node_echo.cjs [CERT KEY]
// Prints `PORT n`; ends when standard input does. The paths are those of python_echo.py.
'use strict';
const fs = require('fs');
const { WebSocketServer } = require('ws');

const [cert, key] = process.argv.slice(2);
const http = cert
  ? require('https').createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
  : require('http').createServer();
const wss = new WebSocketServer({
  server: http,
  maxPayload: 64 << 20,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
});

wss.on('headers', (headers) => headers.push('X-Served-By: npm ws'));

wss.on('connection', (ws, request) => {
  const pongs = [];
  const whenPongsAre = (n, then) => ws.on('pong', (payload) => {
    pongs.push(payload.toString('hex'));
    if (pongs.length === n) then();
  });
  ws.on('error', (error) => console.error(request.url, error));
  ws.on('message', (data, binary) => {
    if (!binary && data.toString() === 'pongs?') ws.send(pongs.join(' '));
    else ws.send(data, { binary });
  });
  const close = /^\/close\/(\d+)$/.exec(request.url);
  if (close) {
    ws.close(Number(close[1]), 'bye');
  } else if (request.url === '/headers') {
    ws.send(JSON.stringify(request.headers));
  } else if (request.url === '/ping') {
    whenPongsAre(1, () => ws.send('pong ok'));
    ws.ping(Buffer.from([0, 255, 128, 10, 0]));
  } else if (request.url === '/fragments') {
    whenPongsAre(2, () => ws.send('pong ok'));
    // cut inside the euro sign
    const parts = [Buffer.from('price: \xe2', 'latin1'), Buffer.from('\x82', 'latin1'), Buffer.from('\xac 5', 'latin1')];
    ws.send(parts[0], { binary: false, fin: false });
    ws.ping(Buffer.from([1]));
    ws.send(parts[1], { binary: false, fin: false });
    ws.ping(Buffer.from([2]));
    ws.send(parts[2], { binary: false, fin: true });
  }
});

http.listen(0, '127.0.0.1', () => console.log('PORT', http.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
