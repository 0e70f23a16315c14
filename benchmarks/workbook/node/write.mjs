// The process that is measured in Node: exceljs writes one table into one file, or the rows are only read.
//
// node write.mjs (exceljs | reading-node) (generator | postgres) COUNT ROWS.json FILE
// ROWS.json: {fields: [{title, kind, width, format}], rows: the distinct ones, name: of the table in Postgres}

import { readFileSync, statSync } from "node:fs";
import ExcelJS from "exceljs";
import pg from "pg";
import Cursor from "pg-cursor";

const FETCH_ROWS = 2000;
const BREATH_ROWS = 1000;
const [, , contender, source, countText, tablePath, path] = process.argv;
const count = Number(countText);
const table = JSON.parse(readFileSync(tablePath, "utf8"));

function status(name) {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
    return Number(line[1]) * 1024;
  } catch {
    return name === "VmRSS" ? process.memoryUsage.rss() : process.resourceUsage().maxRSS * 1024;
  }
}

// Rows in pieces: a loop that never waits would leave the compression no turn, and keep all of the file in memory.
async function* generated() {
  const rows = table.rows.map((row) => row.map((value, at) => revive(value, table.fields[at].kind)));
  for (let done = 0; done < count; done += BREATH_ROWS) {
    const piece = [];
    for (let at = done; at < Math.min(done + BREATH_ROWS, count); at += 1) piece.push(rows[at % rows.length]);
    yield piece;
    await new Promise(setImmediate);
  }
}

function revive(value, kind) {
  return value !== null && ["date", "timestamp", "timestamptz"].includes(kind) ? new Date(value) : value;
}

// Types as Python has them, as far as JavaScript can: a numeric becomes a number, and times are in UTC.
function setTypes() {
  const { builtins } = pg.types;
  pg.types.setTypeParser(builtins.NUMERIC, Number.parseFloat);
  pg.types.setTypeParser(builtins.DATE, (text) => new Date(`${text}T00:00:00Z`));
  pg.types.setTypeParser(builtins.TIMESTAMP, (text) => new Date(`${text.replace(" ", "T")}Z`));
}

async function* selected(client) {
  const cursor = client.query(new Cursor(`SELECT * FROM ${table.name}`, [], { rowMode: "array" }));
  for (let piece = await cursor.read(FETCH_ROWS); piece.length; piece = await cursor.read(FETCH_ROWS)) yield piece;
  await cursor.close();
}

async function write(pieces) {
  const workbook = new ExcelJS.stream.xlsx.WorkbookWriter({ filename: path, useStyles: true });
  const sheet = workbook.addWorksheet("Rows", { views: [{ state: "frozen", ySplit: 1 }] });
  sheet.columns = table.fields.map(({ title, width, format }) => {
    return { header: title, width, ...(format && { style: { numFmt: format } }) };
  });
  const header = sheet.getRow(1);
  header.font = { bold: true };
  header.commit();
  let last = 1;
  for await (const piece of pieces) {
    for (const row of piece) sheet.addRow(row).commit();
    last += piece.length;
  }
  sheet.autoFilter = { from: { row: 1, column: 1 }, to: { row: last, column: table.fields.length } };
  sheet.commit();
  await workbook.commit();
}

async function read(pieces) {
  for await (const piece of pieces) piece.length = 0;
}

async function main() {
  setTypes();
  const client = source === "postgres" ? new pg.Client(process.env.RINGBACK_BENCH_URL) : null;
  if (client) await client.connect();
  const pieces = client ? selected(client) : generated();
  const before = status("VmRSS");
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await (contender === "exceljs" ? write(pieces) : read(pieces));
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (client) await client.end();
  const extra = contender === "exceljs" ? { file_bytes: statSync(path).size } : {};
  const memory = { memory_before: before, memory_peak: status("VmHWM") };
  console.log(JSON.stringify({ seconds, cpu_seconds: (user + system) / 1e6, ...memory, extra }));
}

await main();
