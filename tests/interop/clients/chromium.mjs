// SPDX-License-Identifier: Apache-2.0
//
// chromium.mjs PORT SPKI NETLOG TASK [ARGUMENT...]: drives Chromium against https://localhost:PORT and
// prints what it saw as one line of JSON. Tasks:
//   page                     load /page/, which has 100 sub-resources
//   fetch|echo NAME SHA256   GET /NAME, or POST that many bytes to /echo, and compare hashes
//   many COUNT AT_A_TIME     GET /many/1 ... /many/COUNT
//   again SECONDS            GET /small, wait until the server has closed, GET it anew
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [port, spki, netlog, task, ...rest] = process.argv.slice(2);
const require = createRequire(process.env.QUICORE_NODE + '/');
const { chromium } = require('playwright-core');
const origin = `https://localhost:${port}`;
const profile = mkdtempSync(join(tmpdir(), 'chromium-'));

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync),
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    `--origin-to-force-quic-on=localhost:${port}`,
    `--ignore-certificate-errors-spki-list=${spki}`,
    '--host-resolver-rules=MAP localhost 127.0.0.1',
    `--log-net-log=${netlog}`, '--net-log-capture-mode=Default',
    ...(process.env.CHROMIUM_ARGS ?? '').split(' ').filter(Boolean),
  ],
});

// Runs inside of the page.
async function work({ task, rest }) {
  const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('');
  const get = async (path, options = {}) => {
    const response = await fetch(path, { cache: 'no-store', ...options });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.arrayBuffer();
  };
  if (task === 'fetch' || task === 'echo') {
    let body = await get('/' + rest[0]);
    if (task === 'echo') body = await get('/echo', { method: 'POST', body: new Blob([body]) });
    return { right: hex(await crypto.subtle.digest('SHA-256', body)) === rest[1], size: body.byteLength };
  }
  if (task === 'many') {
    let bytes = 0;
    let next = 1;
    const one = async () => {
      while (next <= Number(rest[0])) {
        const body = await get(`/many/${next++}`);
        bytes += body.byteLength;
      }
    };
    await Promise.all(Array.from({ length: Number(rest[1]) }, one));
    return { bytes };
  }
  if (task === 'again') {
    await get('/small');
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(rest[0])));
    return { size: (await get('/small')).byteLength };
  }
  return {};
}

let seen;
try {
  const page = await browser.newPage();
  await page.goto(origin + (task === 'page' ? '/page/' : '/index.html'), { waitUntil: 'load' });
  seen = await page.evaluate(work, { task, rest });
  const entries = await page.evaluate(() => ({
    navigation: performance.getEntriesByType('navigation')[0].nextHopProtocol,
    resources: performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol),
    loaded: [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length,
  }));
  seen.navigation = entries.navigation;
  seen.resources = entries.resources.length;
  seen.over_h3 = entries.resources.filter((protocol) => protocol === 'h3').length;
  seen.loaded = entries.loaded;
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}

// The net log is complete once the browser is gone: a line of constants, then one event per line. It is
// larger than a string may be.
let names = {};
const counts = { HTTP3_HEADERS_SENT: 0, QUIC_SESSION: 0 };
for await (const line of createInterface({ input: createReadStream(netlog) })) {
  if (line.startsWith('{"constants":')) {
    const { logEventTypes } = JSON.parse(line.replace(/,\s*$/, '}')).constants;
    names = Object.fromEntries(Object.keys(counts).map((name) => [logEventTypes[name], name]));
    continue;
  }
  const type = /"type":(\d+)},?\r?$/.exec(line)?.[1];
  if (type in names && !line.includes('"phase":2')) ++counts[names[type]];
}
seen.log_requests = counts.HTTP3_HEADERS_SENT;
seen.log_sessions = counts.QUIC_SESSION;
console.log(JSON.stringify(seen));
