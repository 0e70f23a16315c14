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
 * Addresses and tokens: `Session` (this tab's storage). Order and gaps: `Inbox`. Reconnecting:
 * `Connection`. None of these touches the page.
 */

const JOBS = 20;
const HISTORY = 50;
const SERVER_KEY = "ringback.server";

const byId = (id) => document.getElementById(id);
const isFromDisk = location.protocol === "file:";

/** The server to talk to: where the page is from, or what is entered if it is from disk. */
const api = () => new Api(isFromDisk ? byId("server").value : location.origin);

const session = new Session(api);
const connection = new Connection(session, () => loadSocketIo(api()));
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
  const answer = await session.call(method, path, body);
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

const download = (jobId, button) => attempt(button, () => saveResult(session, jobId));

/** Start a job: one, also if it has to be said again because no answer came. */
async function start(path, body) {
  const send = (headers) => session.call("POST", path, body, headers);
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
  const { cursor } = connection.inbox;
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
    if (session.user) showError(error);
  } finally {
    setBusy(-1);
  }
}

async function markRead() {
  const { cursor } = connection.inbox;
  try {
    await ask("POST", "/v1/notifications/read", { up_to: cursor });
    messageRows.markRead(cursor);
    ring.count(messageRows.unread);
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/** @param {{message: Message, replayed: boolean}} news */
function receive({ message, replayed }) {
  messageRows.show(message);
  ring.count(messageRows.unread);
  if (message.job_id && !jobs.isFinal(message.job_id)) readJob(message.job_id).catch(showError);
  if (replayed || message.tombstone) return;
  ring.show(message, hasFile(message) ? (button) => download(message.job_id, button) : undefined);
}

/** One ring for all that came while this tab was away. */
function ringForMissed(count) {
  if (!count) return;
  const title = count === 1 ? "1 notification" : `${count} notifications`;
  ring.show({ title, body: "arrived while this page was away." });
}

const STATE_TEXTS = {
  "signed-out": "signed out",
  connecting: "connecting …",
  "catching-up": "catching up …",
  live: "live",
  offline: "offline",
};
let countdown = 0;

/** @param {ConnectionState} state */
function showConnection({ name, reason, retryAt }) {
  clearInterval(countdown);
  byId("connection").dataset.state = name;
  byId("connection-text").textContent = [STATE_TEXTS[name], reason].filter(Boolean).join(": ");
  byId("retry").hidden = byId("retry-in").hidden = !retryAt;
  const count = () => {
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    byId("retry-in").textContent = `Next try in ${seconds} s`;
  };
  count();
  if (retryAt) countdown = setInterval(count, 1000);
}

/** Show the part of the page for whoever is signed in, or the sign-in form. */
function showAccount() {
  const { user } = session;
  byId("signed-out").hidden = Boolean(user);
  byId("signed-in").hidden = byId("account").hidden = !user;
  byId("who").textContent = user ? `${user.email} (${user.role})` : "";
}

function begin() {
  showText(byId("notice"), "");
  showAccount();
  connection.start();
  catchUp();
}

function end({ reason }) {
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
    await session.login(byId("email").value.trim(), byId("password").value);
    byId("password").value = "";
    begin();
  } catch (error) {
    showText(byId("notice"), error.describe?.() ?? error.message);
  } finally {
    button.disabled = false;
  }
}

function listen() {
  byId("sign-in").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", () => session.logout());
  byId("retry").addEventListener("click", () => connection.retryNow());
  byId("mark-read").addEventListener("click", markRead);
  byId("sound").addEventListener("change", ({ target }) => ring.setSound(target.checked));
  document.addEventListener("visibilitychange", () => document.hidden || connection.retryNow());
  session.addEventListener("ended", ({ detail }) => end(detail));
  connection.addEventListener("state", ({ detail }) => showConnection(detail));
  connection.addEventListener("ready", catchUp);
  connection.addEventListener("job", ({ detail }) => jobs.accept(detail));
  connection.inbox.addEventListener("message", ({ detail }) => receive(detail));
  connection.inbox.addEventListener("caught-up", ({ detail }) => ringForMissed(detail.count));
  jobs.addEventListener("changed", ({ detail }) => jobRows.show(detail));
}

async function main() {
  byId("server-field").hidden = !isFromDisk;
  byId("server").value = localStorage.getItem(SERVER_KEY) ?? byId("server").value;
  listen();
  if (await session.restore()) begin();
  else showAccount();
}

main();
