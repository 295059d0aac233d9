// What makes pages live. Without it every page still works: it is shown as of when it was asked for.
//
// One tab of a browser follows the server's events and tells the others: browsers open no more than six connections to a server
// by HTTP/1.1, and people leave more tabs than that open.
"use strict";

const CHANNEL = "holdfast-events";
const channel = new BroadcastChannel(CHANNEL);
// Events may come by the thousand; a page asks again once for all that came within a moment.
const GATHER_MS = 50;
let gathering = false;

function changed() {
  if (gathering) return;
  gathering = true;
  setTimeout(() => {
    gathering = false;
    document.body.dispatchEvent(new CustomEvent("holdfast:changed"));
  }, GATHER_MS);
}

function isLive(on) {
  for (const mark of document.querySelectorAll("[data-live]")) {
    mark.hidden = false;
    mark.classList.toggle("on", on);
    mark.textContent = on ? "live" : "not live: waiting for the server";
  }
}

const RETRY_MS = [1000, 2000, 5000, 10000];

// The stream is read by hand: an `EventSource` tells only events whose names it was given, and every kind of record is one.
async function follow(path) {
  let state = "lost";
  let last = "";
  const tell = (message) => {
    if (message !== "changed") state = message;
    channel.postMessage(message);
    received(message);
  };
  channel.addEventListener("message", (event) => {
    if (event.data === "who") channel.postMessage(state);
  });
  for (let failures = 0; ; failures += 1) {
    try {
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const response = await fetch(path, { headers });
      if (!response.ok) throw new Error(response.status);
      tell("open");
      failures = -1;
      for await (const text of lines(response.body)) {
        if (text.startsWith("id:")) last = text.slice(3).trim();
        if (text.startsWith("data:")) tell("changed");
      }
    } catch {
      // Tried again below.
    }
    tell("lost");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures + 1, RETRY_MS.length - 1)]));
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}

let wasLost = false;

function received(message) {
  if (message === "changed") changed();
  if (message === "open") {
    isLive(true);
    // What happened while the connection was lost.
    if (wasLost) changed();
    wasLost = false;
  }
  if (message === "lost") {
    isLive(false);
    wasLost = true;
  }
}

channel.addEventListener("message", (event) => received(event.data));

// What comes back for a part of a page may be the sign-in page or an error: the whole page shows that better than the part.
document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail.ctx.response;
  if (response.raw.redirected || response.status === 401) {
    event.preventDefault();
    location.reload();
  } else if (!response.raw.ok) {
    event.preventDefault();
  }
});

// While somebody chooses or types in a part, it isn't replaced under their hands.
document.addEventListener("htmx:before:request", (event) => {
  const part = event.detail.ctx.sourceElement;
  const focused = document.activeElement;
  if (part.contains(focused) && focused.matches("input, select, textarea")) event.preventDefault();
  if (document.hidden) {
    event.preventDefault();
    document.addEventListener("visibilitychange", changed, { once: true });
  }
});

const UNITS = [["day", 86400, 3], ["h", 3600, 1], ["min", 60, 1], ["s", 1, 0]];

function ago(seconds) {
  for (const [name, length, least] of UNITS) {
    const number = Math.floor(seconds / length);
    if (number >= Math.max(least, 1)) return `${number} ${name}${name === "day" ? "s" : ""} ago`;
  }
  return "just now";
}

function refreshTimes() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000;
    const text = ago(Math.max(0, seconds));
    if (element.textContent !== text) element.textContent = text;
  }
}

// A slider over a disk's history says which time it stands at.
function slide(slider) {
  const output = document.getElementById(slider.dataset.shows);
  const [from, to] = [Number(slider.dataset.from), Number(slider.dataset.to)];
  const time = new Date(from + ((to - from) * slider.value) / slider.max);
  output.textContent = time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone: slider.dataset.zone || undefined });
}

document.addEventListener("input", (event) => {
  if (event.target.matches("input[data-shows]")) slide(event.target);
});

// A form that takes a while shows that it was sent, and is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  if (form.method !== "post") return;
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (button?.dataset.waiting) button.textContent = button.dataset.waiting;
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

setInterval(refreshTimes, 5000);
refreshTimes();

const events = document.body.dataset.events;
if (events) {
  channel.postMessage("who");
  // Locks are only there where the connection is secure or the server is this machine.
  if (navigator.locks) navigator.locks.request(CHANNEL, () => new Promise(() => follow(events)));
  else follow(events);
}
