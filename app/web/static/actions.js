"use strict";

/*
 * What the page asks of the server on behalf of whoever is signed in. `ringback`, `jobs` and the
 * lists are those of `test.js`.
 */

/** How many are read when the page opens. */
const JOBS = 20;
const HISTORY = 50;
const MOST_SCHEDULES = 200;
const OTHERS_MS = 5000;

/** Ask the server for JSON as the user who is signed in. */
async function ask(method, path, body) {
  const answer = await ringback.call(method, path, { body });
  return exactParams(await answer.text());
}

/** Whether whoever is signed in may do this. */
const may = (permission) => Boolean(ringback?.user?.permissions?.includes(permission));

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

const readResult = (jobId) => ringback.call("GET", `/v1/jobs/${encodeURIComponent(jobId)}/result`);

/** Start a job: one, also if it has to be said again because no answer came. */
async function start(path, body) {
  const send = (headers) => ringback.call("POST", path, { body, headers });
  const answer = await once.send(JSON.stringify([path, body]), send);
  jobs.accept(exactParams(await answer.text()));
}

/** Start what a form asks for: a new job, or one that follows another. */
function startFrom(type, params, follows) {
  return follows ? start(`/v1/jobs/${follows}/retry`, { params }) : start("/v1/jobs", { type, params });
}

/** Send a file. @param {File} file @returns {Promise<{id: string}>} */
function upload(file) {
  const body = new FormData();
  body.append("file", file);
  return ask("POST", "/v1/uploads", body);
}

async function cancel(id) {
  try {
    jobs.accept(await ask("POST", `/v1/jobs/${id}/cancel`));
  } catch (error) {
    if (error.code !== "job_ended") throw error;
    await readJob(id); // it was faster, and its row says how it ended
  }
}

/** Open the form with the parameters of a job, to run it again with others. */
async function change({ id, type }) {
  const form = picker.form(type);
  if (!form) throw new Error(`There is no job type ${type} any more.`);
  const answer = await ringback.call("GET", `/v1/jobs/${id}`); // lists and hints leave out what is large
  const job = exactJson(await answer.text());
  picker.choose(type);
  form.change(job, `Runs again what ran at ${new Date(job.created_at).toLocaleTimeString()}.`);
  form.element.scrollIntoView({ block: "nearest" });
  form.element.querySelector("input, select, textarea").focus();
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
  const answer = await ringback.call("GET", "/v1/job-types");
  const { items } = exactJson(await answer.text());
  jobRows.nameTypes(items);
  const startOf = (type) => (params, follows) => startFrom(type, params, follows);
  picker.show(items.map((type) => new JobForm(type, startOf(type.name), upload)));
}

const isForAll = () => byId("everybody").checked && may("jobs.read_any");

/** Take what is answered, unless meanwhile others are to be shown. */
async function readJobs() {
  const forAll = isForAll();
  const { items } = await ask("GET", `/v1/jobs?limit=${JOBS}${forAll ? "&user_id=any" : ""}`);
  if (forAll === isForAll()) items.forEach((job) => jobs.accept(job));
  return items;
}

/** Whose jobs are shown has changed. */
async function switchJobs() {
  jobs.clear();
  byId("jobs").replaceChildren();
  await readJobs();
}

/** Show the jobs of everybody, or no longer; whose they are is known to those who may read users. */
async function showEverybody() {
  if (isForAll() && may("users.read")) await people.load();
  await switchJobs();
}

/** Nobody is told of the jobs of others, so they are asked for while they are looked at. */
function watchOthers() {
  if (isForAll() && !document.hidden) readOthers().catch(showError);
}

/** The newest, and those shown below them of which no end is known. */
async function readOthers() {
  const newest = new Set((await readJobs()).map(({ id }) => id));
  const older = jobRows.unfinished.filter((id) => !newest.has(id));
  const read = await Promise.all(older.map((id) => ask("GET", `/v1/jobs/${id}`)));
  if (isForAll()) read.forEach((job) => jobs.accept(job));
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

async function readSchedules() {
  const { items } = await ask("GET", `/v1/schedules?limit=${MOST_SCHEDULES}`);
  scheduleRows.show(items, (type) => picker.form(type)?.type.title ?? type);
}

/** Add a schedule that repeats what is entered in the form that is shown. */
function addSchedule(plan, button) {
  const form = picker.current;
  return form?.attempt(button, async (params) => {
    await ask("POST", "/v1/schedules", { ...plan, type: form.type.name, params });
    byId("repeat").open = false;
    await readSchedules();
  });
}

async function changeSchedule(method, { id }, body) {
  await ringback.call(method, `/v1/schedules/${id}`, { body });
  await readSchedules();
}

function removeSchedule(schedule) {
  if (!confirm(`Delete the schedule “${schedule.name}”? Its jobs stay.`)) return undefined;
  return changeSchedule("DELETE", schedule);
}
