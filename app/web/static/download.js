"use strict";

/**
 * Save the result file of a job under the name that the server gives it.
 *
 * A plain link cannot carry the token, so the answer is fetched; the browser keeps it on disk, not
 * in the page's memory.
 *
 * @param {Ringback} ringback
 * @param {string} jobId
 * @throws {ApiError}
 */
async function saveResult(ringback, jobId) {
  const answer = await ringback.call("GET", `/v1/jobs/${encodeURIComponent(jobId)}/result`);
  const address = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName(answer.headers.get("Content-Disposition") ?? "") || "result";
  link.click();
  // The browser reads the address after the click returned.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** The file name of a `Content-Disposition` (RFC 6266): `filename*` goes before `filename`. */
function fileName(disposition) {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition);
  if (extended) return decodeURIComponent(extended[1]);
  return /filename="?([^";]+)"?/i.exec(disposition)?.[1] ?? "";
}
