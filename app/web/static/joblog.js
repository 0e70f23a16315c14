"use strict";

/** The most lines of a log that are shown. */
const MOST_EVENTS = 200;

/**
 * The log of one job, read when it is opened and, while it is open, whenever the job changes.
 */
class JobLog {
  #version = 0;

  /**
   * @param {HTMLDetailsElement} element
   * @param {() => Promise<Object[]>} read gives the lines of the log.
   */
  constructor(element, read) {
    this.element = element;
    this.read = read;
    element.addEventListener("toggle", () => this.#show());
  }

  /** The job changed. @param {number} version */
  changed(version) {
    if (version === this.#version) return;
    this.#version = version;
    this.#show();
  }

  async #show() {
    if (!this.element.open) return;
    const lines = await this.read();
    role(this.element, "events").replaceChildren(...lines.map((line) => JobLog.#line(line)));
  }

  static #line({ at, event, attempt, message, worker }) {
    const line = document.createElement("li");
    const time = document.createElement("time");
    showTime(time, at);
    const words = [event.replaceAll("_", " "), `attempt ${attempt}`, message, worker && `by ${worker}`];
    line.append(time, ` ${words.filter(Boolean).join(" · ")}`);
    return line;
  }
}
