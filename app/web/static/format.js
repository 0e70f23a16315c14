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
