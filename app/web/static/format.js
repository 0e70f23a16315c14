"use strict";

/** @param {number} seconds @returns {string} such as `3.2 s`, `2 min 5 s`, `1 h 10 min`. */
function formatDuration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** @param {number} bytes @returns {string} such as `61 kB`. */
function formatSize(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** @param {string} text @returns {string} its beginning, if it is long. */
function shorten(text) {
  const letters = Array.from(text.slice(0, 200)); // a letter may be two units long
  return letters.length > 80 ? `${letters.slice(0, 79).join("")}…` : text;
}

/** Fill a `<time>` element: time of day alone if it is today. */
function showTime(element, iso) {
  const moment = new Date(iso);
  const isToday = moment.toDateString() === new Date().toDateString();
  element.dateTime = iso;
  element.textContent = isToday ? moment.toLocaleTimeString() : moment.toLocaleString();
}

/** The element that plays this role inside `root`. */
function role(root, name) {
  return root.querySelector(`[data-role="${name}"]`);
}

/** Fill an element with text; with none, hide it. */
function showText(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/**
 * Names and values in words: plain ones and lists of such, and of long ones the beginning, for the
 * rest is in the file. What is within another is told like what is beside it.
 *
 * @param {Object} values
 * @returns {[string, string][]}
 */
function plainValues(values) {
  return Object.entries(values ?? {}).flatMap(([name, value]) => {
    if (value === "" || value === null) return [];
    if (Array.isArray(value)) return plainList(name, value);
    if (isNested(value)) return plainValues(value);
    return [[name.replaceAll("_", " "), shorten(numberText(value))]];
  });
}

/** Whether it has parts; a number that is kept as text has none. */
const isNested = (value) => typeof value === "object" && !JSON.isRawJSON?.(value);

function plainList(name, values) {
  if (!values.length || values.some(isNested)) return [];
  return [[name.replaceAll("_", " "), shorten(values.slice(0, 80).map(numberText).join(", "))]];
}

/** In one line. */
function describeValues(values) {
  return plainValues(values).map((pair) => pair.join(" ")).join(", ");
}

/** Fill a `<dl>`; with nothing, hide it. */
function showValues(list, values) {
  const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const pairs = plainValues(values).map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(made("dt", name), made("dd", value));
    return pair;
  });
  list.replaceChildren(...pairs);
  list.hidden = !pairs.length;
}
