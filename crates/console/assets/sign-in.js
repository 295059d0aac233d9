// Passkeys: the browser asks the authenticator, the server checks. Everything else on these pages works without this file.
"use strict";

const canUsePasskeys = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

async function post(path, body, token) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (token) headers["X-CSRF-Token"] = token;
  const response = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error([answer.detail, answer.hint].filter(Boolean).join("; "));
  return answer;
}

async function signIn(button) {
  const path = button.dataset.passkey;
  const asked = await post(`${path}/begin`, undefined, button.dataset.csrf);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
  const credential = await navigator.credentials.get({ publicKey });
  await post(`${path}/finish`, credential.toJSON(), button.dataset.csrf);
}

async function make(button) {
  const path = button.dataset.newPasskey;
  const form = document.getElementById(button.dataset.form);
  if (!form.reportValidity()) return false;
  const { passkey, ...who } = Object.fromEntries(new FormData(form));
  const asked = await post(`${path}/begin`, who.link && who, button.dataset.csrf);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked);
  const credential = await navigator.credentials.create({ publicKey });
  await post(`${path}/finish`, { name: passkey ?? "", credential: credential.toJSON() }, button.dataset.csrf);
  return true;
}

function explain(error) {
  if (error.name === "NotAllowedError") return "Nothing came of it: it was cancelled, took too long, or there is no passkey for this address here.";
  if (error.name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (error.name === "SecurityError") return "Passkeys don't work at this address. Open Holdfast by the name in `public_url`.";
  const text = error.message;
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

async function run(button, work) {
  const problem = button.parentElement.querySelector("[data-passkey-problem]");
  problem.hidden = true;
  button.disabled = true;
  try {
    if ((await work(button)) !== false) location.assign(button.dataset.next || "/");
  } catch (error) {
    problem.textContent = explain(error);
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

if (canUsePasskeys) {
  for (const part of document.querySelectorAll("[data-passkey-only]")) part.hidden = false;
  for (const button of document.querySelectorAll("[data-passkey]")) button.addEventListener("click", () => run(button, signIn));
  for (const button of document.querySelectorAll("[data-new-passkey]")) button.addEventListener("click", () => run(button, make));
}
