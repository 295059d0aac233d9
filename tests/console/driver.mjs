// Drives Chromium for the tests, which are in Python: reads commands from standard input, a JSON object a line, and answers each
// with one. Pages are numbered from 0, each in a context of its own: cookies, a virtual authenticator, whether scripts run.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const { source: AXE } = require("axe-core");
// Only the server under test is spoken to.
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"];
const AUTHENTICATOR = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
const WAIT_MS = 30_000;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ARGUMENTS });
const pages = [];

async function open({ width = 1360, height = 900, scripts = true, authenticator = false, theme = "light" }) {
  const context = await browser.newContext({ viewport: { width, height }, javaScriptEnabled: scripts, colorScheme: theme });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const state = { page, context, problems: [], bytes: new Map(), cdp: await context.newCDPSession(page) };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) state.problems.push(message.text());
  });
  page.on("pageerror", (error) => state.problems.push(String(error)));
  await state.cdp.send("Network.enable");
  state.cdp.on("Network.loadingFinished", (event) => state.bytes.set(event.requestId, event.encodedDataLength));
  if (authenticator) {
    await state.cdp.send("WebAuthn.enable");
    await state.cdp.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
  }
  pages.push(state);
  return pages.length - 1;
}

// What a page weighs when nothing of it is known yet: bytes as they came over the network, compressed.
async function weigh({ page, cdp, bytes }, url) {
  await cdp.send("Network.clearBrowserCache");
  bytes.clear();
  await page.goto(url, { waitUntil: "load" });
  const paint = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const first = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
        if (first()) return resolve(first());
        new PerformanceObserver(() => first() && resolve(first())).observe({ type: "paint", buffered: true });
      }),
  );
  return { bytes: [...bytes.values()].reduce((sum, size) => sum + size, 0), paint };
}

async function axe({ page }) {
  // The page's policy forbids evaluated text to its own scripts, not to the tools of the browser.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return found.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`) }));
}

const operations = {
  open,
  goto: async ({ page }, { url }) => (await page.goto(url)).status(),
  click: ({ page }, { selector }) => page.click(selector),
  fill: ({ page }, { selector, text }) => page.fill(selector, text),
  choose: ({ page }, { selector, value }) => page.selectOption(selector, value),
  press: ({ page }, { keys }) => page.keyboard.press(keys),
  text: ({ page }, { selector }) => page.innerText(selector),
  count: ({ page }, { selector }) => page.locator(selector).count(),
  wait: async ({ page }, { selector, seconds }) => {
    await page.waitForSelector(selector, { timeout: seconds * 1000 });
    return page.innerText(selector);
  },
  arrive: ({ page }, { path }) => page.waitForURL((url) => url.pathname === path),
  url: ({ page }) => page.url(),
  run: ({ page }, { script }) => page.evaluate(script),
  theme: ({ page }, { theme }) => page.emulateMedia({ colorScheme: theme }),
  resize: ({ page }, { width, height }) => page.setViewportSize({ width, height }),
  picture: ({ page }, { path }) => page.screenshot({ path, fullPage: true, animations: "disabled" }).then(() => path),
  problems: (state) => state.problems.splice(0),
  weigh: (state, { url }) => weigh(state, url),
  axe,
  close: ({ context }) => context.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, page, ...given } = JSON.parse(line);
  let answer;
  try {
    const result = operation === "open" ? await open(given) : await operations[operation](pages[page], given);
    answer = { result: result ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
