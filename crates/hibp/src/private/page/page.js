// The page: takes the address, shows the answer. Everything that is shown is set as text, never as markup.

import { Problem, WHOLE_BYTES_MAX, ask, parameters } from "./asking.js";

const at = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en");
const megabytes = (bytes) => `${number(Math.max(1, Math.round(bytes / 1e6)))} MB`;

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

function breachItem(breach) {
  const element = document.createElement("li");
  const title = document.createElement("strong");
  title.textContent = breach.Title || breach.Name;
  const origin = breach.Domain ? ` (${breach.Domain})` : "";
  const classes = Array.isArray(breach.DataClasses) && breach.DataClasses.length > 0 ? ` Taken: ${breach.DataClasses.join(", ")}.` : "";
  const doubt = breach.IsVerified ? "" : " Not verified.";
  element.append(title, `${origin}, ${breach.BreachDate}.${classes}${doubt}`);
  return element;
}

function toldItems(told) {
  const items = [`32 random bytes: ${told.point}. A second question about the same address would look different.`];
  if (told.prefix === undefined) {
    items.push(`That somebody fetched the whole list of ${number(told.people)} people, as everybody does.`);
  } else {
    const among = number(told.hiddenAmong);
    items.push(`The group that your address belongs to, "${told.prefix}". At least ${among} people of the list share it.`);
  }
  items.push("The network address of your computer, as with every website.");
  return items.map(item);
}

function showAnswer({ breaches, told }) {
  const count = breaches.length;
  at("answer-title").textContent = count === 0 ? "Not found" : `Found in ${count} ${count === 1 ? "breach" : "breaches"}`;
  at("answer-text").textContent =
    count === 0
      ? "This address is in none of the data sets that are shown here. That says nothing about data sets that nobody here knows."
      : "Change the password that you used there, and wherever you used the same one. Be wary of mails that mention what was taken.";
  at("breaches").replaceChildren(...breaches.map(breachItem));
  at("told").replaceChildren(...toldItems(told));
  at("answer").hidden = false;
  at("status").textContent = "";
  at("answer-title").focus();
}

function showProblem(problem) {
  const status = at("status");
  status.className = "problem";
  status.textContent =
    problem instanceof Problem ? problem.message : "The question failed. Nothing was learned about your address. Please try again later.";
}

async function question(event) {
  event.preventDefault();
  const button = at("ask");
  at("answer").hidden = true;
  at("status").className = "";
  at("status").textContent = "Asking ...";
  button.disabled = true;
  try {
    showAnswer(await ask(at("address").value, at("whole").checked));
  } catch (problem) {
    showProblem(problem);
  } finally {
    button.disabled = false;
  }
}

/** Offers the whole list where it is not downloaded anyway. */
async function offerWhole() {
  const found = await parameters();
  if (found.bytes > WHOLE_BYTES_MAX && found.hides) {
    at("choice").hidden = false;
    at("whole-label").textContent =
      `Download the whole list (${megabytes(found.bytes)}). Otherwise the server learns that you are one of at least ${number(found.fewest)} people.`;
  }
}

if (globalThis.isSecureContext && globalThis.crypto?.subtle) {
  at("question").addEventListener("submit", question);
  offerWhole().catch(showProblem);
} else {
  at("ask").disabled = true;
  showProblem(new Problem("Your browser allows this page to work over https only. Please ask whoever runs it for its https address."));
}
