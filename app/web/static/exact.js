"use strict";

/*
 * Numbers that keep all their digits between a field and the server: a number of JavaScript holds
 * about 15 of them. Longer ones are kept as JSON text (`JSON.rawJSON`), which also a list may hold.
 */

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const OF_JSON = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
const EXACT_DIGITS = 15;

/** @param {string} text @returns {number|Object} @throws {Error} it is no number. */
function exactNumber(text) {
  if (!DECIMAL.test(text)) throw new Error(`“${shorten(text)}” is not a number`);
  const value = Number(text);
  const digits = text.replace(/e.*/i, "").replace(/\D/g, "").replace(/^0+/, "");
  const isShort = digits.length <= EXACT_DIGITS && Number.isFinite(value);
  if (isShort || Number.isSafeInteger(value) && /^[+-]?\d+$/.test(text)) return value;
  if (JSON.rawJSON && OF_JSON.test(text)) return JSON.rawJSON(text);
  throw new Error(`“${shorten(text)}” has more digits than this browser can send`);
}

/** @param {string} text JSON @returns {unknown} its value @throws {SyntaxError} */
function exactJson(text) {
  const keep = (_, value, context) =>
    typeof value === "number" && context?.source ? exactNumber(context.source) : value;
  return JSON.parse(text, keep);
}

/**
 * Jobs or schedules as the server tells them, one or a page of them: only their parameters are exact,
 * for with all other numbers the page calculates.
 *
 * @param {string} text JSON @returns {Object} @throws {SyntaxError}
 */
function exactParams(text) {
  const merge = (plain, exact) => ("params" in plain ? { ...plain, params: exact.params } : plain);
  const [plain, exact] = [JSON.parse(text), exactJson(text)];
  if (!plain.items) return merge(plain, exact);
  return { ...plain, items: plain.items.map((each, index) => merge(each, exact.items[index])) };
}

/** A number as it is written. @param {number|Object} value @returns {string} */
function numberText(value) {
  return String(value?.rawJSON ?? value);
}
