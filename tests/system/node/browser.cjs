// Chromium without a screen: `browser.cjs URL FILE SCREENSHOT`. Opens the page, uploads the file, waits for what the page
// shows. Prints it as JSON.
'use strict';
const { chromium } = require('playwright-core');

const [url, file, screenshot] = process.argv.slice(2);

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.MERIDIAN_CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],  // as root, and in containers
  });
  const page = await browser.newPage({ ignoreHTTPSErrors: true, viewport: { width: 800, height: 400 } });
  await page.goto(url);
  await page.setInputFiles('#file', file);
  await page.click('#send');
  await page.waitForFunction(() => document.getElementById('upload').textContent !== '');
  await page.waitForFunction(() => document.getElementById('events').textContent === '5');
  await page.waitForFunction(() => document.getElementById('socket').textContent !== '');
  const text = (id) => page.textContent(`#${id}`);
  const said = { title: await page.title() };
  for (const id of ['protocol', 'events', 'socket', 'upload']) said[id] = await text(id);
  await page.screenshot({ path: screenshot });
  console.log(JSON.stringify(said));
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
