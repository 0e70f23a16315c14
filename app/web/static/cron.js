"use strict";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** What the commonest cron expressions mean. @param {string} cron @returns {string} or empty. */
function cronWords(cron) {
  const [minute, hour, day, month, weekday, ...more] = cron.trim().split(/\s+/);
  if (month !== "*" || !weekday || more.length) return "";
  const days = daysInWords(day, weekday);
  if (hour === "*" && days === "every day") return minutesInWords(minute);
  if (!days || !/^\d+$/.test(minute) || !/^\d+$/.test(hour)) return "";
  return `${days} at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
}

function minutesInWords(minute) {
  if (minute === "*") return "every minute";
  const step = Number(/^\*\/(\d+)$/.exec(minute)?.[1]);
  if (step && 60 % step === 0) return step === 1 ? "every minute" : `every ${step} minutes`;
  return /^\d+$/.test(minute) ? `every hour at minute ${Number(minute)}` : "";
}

function daysInWords(day, weekday) {
  if (day === "*" && weekday === "*") return "every day";
  if (weekday === "*") return /^\d+$/.test(day) ? `on day ${Number(day)} of every month` : "";
  if (day !== "*") return "";
  const parts = weekday.split(",").map((part) => part.split("-").map(dayName));
  if (parts.some((part) => part.length > 2 || !part.every(Boolean))) return "";
  return `every ${parts.map((part) => part.join(" to ")).join(", ")}`;
}

function dayName(text) {
  if (/^[0-7]$/.test(text)) return DAYS[Number(text) % 7];
  return /^[a-z]{3}$/i.test(text) ? DAYS.find((day) => day.toLowerCase().startsWith(text.toLowerCase())) : "";
}
