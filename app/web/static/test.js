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
 *   #type-choice                input[value=NAME], one for each type; the chosen one's form is shown
 *   #job-types                  [data-job-type=NAME] with [data-field=PARAMETER] (where several of
 *                               a few values may be chosen, a fieldset of input[value=VALUE]; of a
 *                               file, a div with an input) and [data-role=start|error|again|afresh]
 *   #repeat, #schedule-form     what repeats the form that is shown: [name=title|cron|zone|overlap]
 *   #everybody, #people         for those who may read everybody's jobs, or the users
 *   #schedules                  li[data-schedule-id][data-state=on|paused] with
 *                               [data-role=name|type|cron|zone|next|reason|toggle|run|remove]
 *   #jobs                       li[data-job-id][data-type][data-state][data-version] with
 *                               [data-role=progress|percent|message|left|attempt|follows|result|error],
 *                               [data-role=owner|schedule] where they are of others or of one, and
 *                               [data-role=download|cancel|cancelling|again|change], [data-role=log]
 *                               with [data-role=events], which are read when it is opened
 *   #notifications              li[data-seq][data-type], [data-unread] while unread, with
 *                               [data-role=seq|title|body|time|download|picture]
 *   #unread, #mark-read, #sound
 *   #rings                      .ring[data-seq] with [data-role=title|body|picture|download|close]; 0 is a
 *                               ring that speaks for several
 *
 * Signing in, order and gaps, reconnecting, one connection for all tabs: `ringback.js`, which knows
 * nothing of the page. It is a module, and browsers load none from disk: it comes from the server.
 */

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
  change: (job, button) => attempt(button, () => change(job)),
  readLog: (job) => readLog(job.id),
  isMine: (job) => !job.user_id || job.user_id === ringback.user?.id,
  nameOf: (userId) => people.nameOf(userId),
  scheduleOf: (id) => scheduleRows.nameOf(id),
});
const pictures = new Pictures(readResult);
const messageRows = new MessageRows(byId("notifications"), byId("unread"), {
  download: (message, button) => download(message.job_id, button),
  showPicture: (place, message) => pictures.offer(place, message),
});
const picker = new JobPicker(byId("type-choice"), byId("job-types"));
const scheduleRows = new ScheduleRows(byId("schedules"), {
  toggle: (schedule, button) =>
    attempt(button, () => changeSchedule("PATCH", schedule, { enabled: !schedule.enabled })),
  run: (schedule, button) => attempt(button, () => start(`/v1/schedules/${schedule.id}/run`)),
  remove: (schedule, button) => attempt(button, () => removeSchedule(schedule)),
});
const people = new People(byId("people"), () => ask("GET", `/v1/users?limit=${MOST_PEOPLE}`));
new ScheduleForm(byId("schedule-form"), addSchedule);


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
    if (picker.isEmpty) await readJobTypes();
    await readSchedules(); // first, for jobs tell of theirs
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
  if (notification.type === "schedule_paused") readSchedules().catch(showError);
  if (replayed) missed += 1;
  else ringFor(notification);
}

function ringFor(message) {
  const save = (button) => download(message.job_id, button);
  const picture = (place) => pictures.offer(place, message);
  ring.show(message, hasFile(message) ? save : undefined, picture);
}

/** A job of a schedule says that its next runs are others. */
function acceptHint(job) {
  const isNew = !jobs.knows(job.id);
  jobs.acceptHint(job);
  if (isNew && job.schedule_id) readSchedules().catch(showError);
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
  byId("for-all").hidden = !may("jobs.read_any");
  byId("people").hidden = !may("users.read");
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
  ["jobs", "notifications"].forEach((id) => byId(id).replaceChildren());
  picker.show([]);
  scheduleRows.show([]);
  people.clear();
  byId("everybody").checked = false;
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
  on("job", acceptHint);
  on("notification", receive);
  on("read", ({ up_to: upTo }) => showRead(upTo));
}

function listen() {
  byId("sign-in").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", () => ringback.signOut());
  byId("retry").addEventListener("click", () => ringback.retryNow());
  byId("mark-read").addEventListener("click", markRead);
  byId("sound").addEventListener("change", ({ target }) => ring.setSound(target.checked));
  byId("everybody").addEventListener("change", ({ target }) => attempt(target, showEverybody));
  byId("people").addEventListener("toggle", ({ target }) => {
    if (target.open) people.load().catch(showError);
  });
  setInterval(watchOthers, OTHERS_MS);
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
