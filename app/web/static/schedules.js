"use strict";

/**
 * @typedef {Object} ScheduleActions each button is handed in, to be out of use meanwhile.
 * @property {(schedule: Object, button: HTMLButtonElement) => void} toggle pauses or resumes it.
 * @property {(schedule: Object, button: HTMLButtonElement) => void} run
 * @property {(schedule: Object, button: HTMLButtonElement) => void} remove
 */

/** The visible list of the user's schedules. */
class ScheduleRows {
  /** @type {Map<string, string>} */
  #names = new Map();

  /**
   * @param {HTMLElement} list
   * @param {ScheduleActions} actions
   */
  constructor(list, actions) {
    this.list = list;
    this.actions = actions;
  }

  /** What a schedule is called; nothing if it is not known here. @param {string} id */
  nameOf(id) {
    return this.#names.get(id) ?? "";
  }

  /**
   * Show these and no others.
   *
   * @param {Object[]} schedules
   * @param {(type: string) => string} titleOf a job type's title.
   */
  show(schedules, titleOf = String) {
    this.#names = new Map(schedules.map(({ id, name }) => [id, name]));
    this.list.replaceChildren(...schedules.map((each) => this.#row(each, titleOf(each.type))));
  }

  #row(schedule, title) {
    const template = document.getElementById("schedule-template");
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.scheduleId = schedule.id;
    row.dataset.state = schedule.enabled ? "on" : "paused";
    role(row, "name").textContent = schedule.name;
    role(row, "type").textContent = title;
    role(row, "state").textContent = schedule.enabled ? "on" : "paused";
    role(row, "system").hidden = !schedule.system;
    const words = cronWords(schedule.cron);
    role(row, "cron").textContent = words ? `${words} (${schedule.cron})` : schedule.cron;
    role(row, "zone").textContent = schedule.time_zone;
    showText(role(row, "reason"), schedule.paused_reason);
    const runs = schedule.enabled ? schedule.next_runs : [];
    showText(role(row, "next"), runs.length ? `Next: ${runs.map(ScheduleRows.#moment).join(" · ")}` : "");
    this.#addButtons(row, schedule);
    return row;
  }

  #addButtons(row, schedule) {
    role(row, "toggle").textContent = schedule.enabled ? "Pause" : "Resume";
    for (const name of ["toggle", "run", "remove"]) {
      const button = role(row, name);
      button.setAttribute("aria-label", `${button.textContent}: ${schedule.name}`);
      button.addEventListener("click", () => this.actions[name](schedule, button));
    }
  }

  /** The clock of the schedule's own zone, as the server says it: `2026-11-22 07:30 +01:00`. */
  static #moment(iso) {
    const [, day, time, zone] = /^(.{10})T(.{5})[^+Z-]*(.*)$/.exec(iso);
    return `${day} ${time} ${zone === "Z" ? "+00:00" : zone}`;
  }
}

/** The form that repeats what is entered in the form of a job. */
class ScheduleForm {
  /**
   * @param {HTMLFormElement} element
   * @param {(plan: Object, button: HTMLButtonElement) => Promise<void>} add
   */
  constructor(element, add) {
    this.element = element;
    this.add = add;
    const { zone, cron } = element.elements;
    zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
    const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
    zone.list.append(...zones.map((each) => new Option(each, each)));
    cron.addEventListener("input", () => this.#explain());
    this.#explain();
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.add(this.#plan(), role(element, "add"));
    });
  }

  #explain() {
    role(this.element, "words").textContent = cronWords(this.element.elements.cron.value);
  }

  #plan() {
    const { title, cron, zone, overlap } = this.element.elements;
    return {
      name: title.value.trim(),
      cron: cron.value.trim(),
      time_zone: zone.value.trim(),
      overlap: overlap.value,
    };
  }
}
