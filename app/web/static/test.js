"use strict";

/*
 * The test page: connects what the other files do with what is on the page.
 *
 * What tests (and people who script the page) may rely on:
 *
 *   #connection[data-state]     signed-out | connecting | catching-up | live | offline
 *   #connection-text            the same in words, when offline with the reason
 *   #retry-in, #retry           when the next try is; the button that does not wait for it
 *   #sign-in  #server #email #password, #notice (why signing in failed, or why it ended)
 *   #account  #who, #sign-out
 *   #page-error                 what else went wrong
 *   #signed-in[aria-busy]       "true" while jobs and notifications are being read
 *   #job-types                  [data-job-type=NAME] with [data-field=PARAMETER] (where several of
 *                               a few values may be chosen, a fieldset of input[value=VALUE]) and
 *                               [data-role=start|error]
 *   #jobs                       li[data-job-id][data-type][data-state][data-version] with
 *                               [data-role=progress|percent|message|left|attempt|follows|result|error]
 *                               and [data-role=download|cancel|cancelling|again], [data-role=log]
 *                               with [data-role=events], which are read when it is opened
 *   #notifications              li[data-seq][data-type], [data-unread] while unread, with
 *                               [data-role=seq|title|body|time|download]
 *   #unread, #mark-read, #sound
 *   #rings                      .ring[data-seq] with [data-role=title|body|download|close]; 0 is a
 *                               ring that speaks for several
 *
 * Signing in, order and gaps, reconnecting, one connection for all tabs: `ringback.js`, which knows
 * nothing of the page. It is a module, and browsers load none from disk: it comes from the server.
 */

const JOBS = 20;
const HISTORY = 50;
const SERVER_KEY = "ringback.server";

const byId = (id) => document.getElementById(id);
const isFromDisk = location.protocol === "file:";

/** The client of the server that is talked to; null before the first sign-in. @type {Ringback} */
let ringback = null;
let missed = 0;
const stateLine = new StateLine(byId("connection"));
const jobs = new JobList();
const ring = new Ring(byId("rings"));
const once = new Once();
const jobRows = new JobRows(byId("jobs"), {
  download: (job, button) => download(job.id, button),
  cancel: (job, button) => attempt(button, () => cancel(job.id)),
  again: (job, button) => attempt(button, () => start(`/v1/jobs/${job.id}/retry`)),
  readLog: (job) => readLog(job.id),
});
const messageRows = new MessageRows(byId("notifications"), byId("unread"), (message, button) =>
  download(message.job_id, button),
);

/** Ask the server for JSON as the user who is signed in. */
async function ask(method, path, body) {
  const answer = await ringback.call(method, path, { body });
  return answer.json();
}

/** Show an error that belongs to no field or button; with none, take it away. */
function showError(error) {
  showText(byId("page-error"), error && (error.describe?.() ?? error.message));
}

/** Do what a button is for; it is out of use meanwhile. */
async function attempt(button, act) {
  button.disabled = true;
  try {
    await act();
    showError(null);
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = false;
  }
}

const download = (jobId, button) => attempt(button, () => saveResult(ringback, jobId));

/** Start a job: one, also if it has to be said again because no answer came. */
async function start(path, body) {
  const send = (headers) => ringback.call("POST", path, { body, headers });
  const answer = await once.send(JSON.stringify([path, body]), send);
  jobs.accept(await answer.json());
}

async function cancel(id) {
  try {
    jobs.accept(await ask("POST", `/v1/jobs/${id}/cancel`));
  } catch (error) {
    if (error.code !== "job_ended") throw error;
    await readJob(id); // it was faster, and its row says how it ended
  }
}

async function readLog(id) {
  try {
    return (await ask("GET", `/v1/jobs/${id}/events?limit=${MOST_EVENTS}`)).items;
  } catch (error) {
    showError(error);
    return [];
  }
}

async function readJobTypes() {
  const { items } = await ask("GET", "/v1/job-types");
  jobRows.nameTypes(items);
  const startOf = (type) => (params) => start("/v1/jobs", { type, params });
  const forms = items.map((type) => new JobForm(type, startOf(type.name)).element);
  byId("job-types").replaceChildren(...forms);
}

async function readJobs() {
  const { items } = await ask("GET", `/v1/jobs?limit=${JOBS}`);
  items.forEach((job) => jobs.accept(job));
}

async function readJob(id) {
  jobs.accept(await ask("GET", `/v1/jobs/${encodeURIComponent(id)}`));
}

/** What this tab has seen before; what it has not seen comes through the connection. */
async function readHistory() {
  const { cursor } = ringback;
  const after = Math.max(0, cursor - HISTORY);
  const { items } = await ask("GET", `/v1/notifications?after=${after}&limit=${HISTORY}`);
  items.filter(({ seq }) => seq <= cursor).forEach((message) => messageRows.show(message));
  ring.count(messageRows.unread);
}

let readings = 0;

/** Say whether the lists are still being read, also to who cannot see it. */
function setBusy(change) {
  readings += change;
  byId("signed-in").setAttribute("aria-busy", String(readings > 0));
}

/** Hints may have been lost while there was no connection: look at everything again. */
async function catchUp() {
  setBusy(+1);
  try {
    if (!byId("job-types").children.length) await readJobTypes();
    await Promise.all([readJobs(), readHistory()]);
    showError(null);
  } catch (error) {
    if (ringback.user) showError(error);
  } finally {
    setBusy(-1);
  }
}

async function markRead() {
  try {
    await ringback.markRead(ringback.cursor);
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/** What was read here, in another tab or on another device. */
function showRead(upTo) {
  messageRows.markRead(upTo);
  ring.count(messageRows.unread);
}

/** @param {{notification: Notification, replayed: boolean}} news */
function receive({ notification, replayed }) {
  messageRows.show(notification);
  ring.count(messageRows.unread);
  const { job_id: jobId, tombstone } = notification;
  if (jobId && !jobs.isFinal(jobId)) readJob(jobId).catch(showError);
  if (tombstone) return;
  if (replayed) missed += 1;
  else ring.show(notification, hasFile(notification) ? (button) => download(jobId, button) : undefined);
}

/** One ring for all that came while this tab was away. */
function ringForMissed() {
  if (!missed) return;
  const title = missed === 1 ? "1 notification" : `${missed} notifications`;
  ring.show({ title, body: "arrived while this page was away." });
  missed = 0;
}

/** @param {{name: string, reason?: string, retryAt?: number}} state */
function showState(state) {
  stateLine.show(state);
  if (state.name === "live") ringForMissed();
  if (state.name === "signed-out") end(state.reason);
}

/** Show the part of the page for whoever is signed in, or the sign-in form. */
function showAccount() {
  const user = ringback?.user;
  byId("signed-out").hidden = Boolean(user);
  byId("signed-in").hidden = byId("account").hidden = !user;
  byId("who").textContent = user ? `${user.email} (${user.role})` : "";
}

function begin() {
  showText(byId("notice"), "");
  showAccount();
  ringback.start();
  catchUp();
}

function end(reason = "") {
  missed = 0;
  jobs.clear();
  ["jobs", "notifications", "job-types"].forEach((id) => byId(id).replaceChildren());
  messageRows.countUnread();
  ring.clear();
  showError(null);
  showText(byId("notice"), reason);
  showAccount();
}

async function signIn(event) {
  event.preventDefault();
  const button = event.submitter ?? byId("sign-in").querySelector("button");
  button.disabled = true;
  try {
    if (isFromDisk) localStorage.setItem(SERVER_KEY, byId("server").value);
    await connectTo(serverAddress());
    await ringback.signIn(byId("email").value.trim(), byId("password").value);
    byId("password").value = "";
    begin();
  } catch (error) {
    showText(byId("notice"), error.describe?.() ?? error.message);
  } finally {
    button.disabled = false;
  }
}

/** Where the page is from, or what is entered if it is from disk. */
function serverAddress() {
  return isFromDisk ? byId("server").value.replace(/\/+$/, "") : location.origin;
}

/** Get the client of a server from that server. @throws {Error} it does not answer. */
async function connectTo(url) {
  if (ringback?.url === url) return;
  const address = `${url}/assets/ringback.js`;
  // A browser remembers a module that could not be loaded, so see first whether the server is there.
  await fetch(address).catch(() => {
    const orRefuses = isFromDisk ? ", or does not accept calls of this page" : "";
    throw new Error(`The server at ${url} does not answer${orRefuses}.`);
  });
  const { Ringback } = await import(address);
  ringback = new Ringback({ url });
  listenTo(ringback);
}

function listenTo(client) {
  const on = (name, act) => client.addEventListener(name, ({ detail }) => act(detail));
  on("state", showState);
  on("ready", ({ read }) => (showRead(read), catchUp()));
  on("job", (job) => jobs.accept(job));
  on("notification", receive);
  on("read", ({ up_to: upTo }) => showRead(upTo));
}

function listen() {
  byId("sign-in").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", () => ringback.signOut());
  byId("retry").addEventListener("click", () => ringback.retryNow());
  byId("mark-read").addEventListener("click", markRead);
  byId("sound").addEventListener("change", ({ target }) => ring.setSound(target.checked));
  jobs.addEventListener("changed", ({ detail }) => jobRows.show(detail));
}

/** Take up the sign-in that this tab had before it was reloaded. */
async function restore() {
  if (!sessionStorage.getItem("ringback.session")) return false;
  await connectTo(serverAddress());
  return ringback.restore();
}

async function main() {
  byId("server-field").hidden = !isFromDisk;
  byId("server").value = localStorage.getItem(SERVER_KEY) ?? byId("server").value;
  listen();
  try {
    if (await restore()) return begin();
  } catch (error) {
    showText(byId("notice"), error.message);
  }
  showAccount();
}

main();
