"use strict";

const MOST_MESSAGES = 100;

/** The visible list of notifications, highest number first. */
class MessageRows {
  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} badge shows how many are unread.
   * @param {Object} actions
   * @param {(message: Message, button: HTMLButtonElement) => void} actions.download
   * @param {(place: HTMLElement, message: Message) => void} actions.showPicture
   */
  constructor(list, badge, actions) {
    this.list = list;
    this.badge = badge;
    this.actions = actions;
  }

  /** How many of those shown are unread. */
  get unread() {
    return this.list.querySelectorAll(":scope > [data-unread]").length;
  }

  /** Add a notification in its place; one that is there already is not added again. */
  show(message) {
    const rows = [...this.list.children];
    const next = rows.find((row) => Number(row.dataset.seq) <= message.seq);
    if (message.tombstone || Number(next?.dataset.seq) === message.seq) return;
    this.list.insertBefore(this.#row(message), next ?? null);
    if (this.list.children.length > MOST_MESSAGES) this.list.lastElementChild.remove();
    this.countUnread();
  }

  /** Mark those up to this number as read. */
  markRead(seq) {
    for (const row of this.list.children) {
      if (Number(row.dataset.seq) <= seq) delete row.dataset.unread;
    }
    this.countUnread();
  }

  /** Show the number of unread ones. */
  countUnread() {
    showText(this.badge, this.unread ? `${this.unread} unread` : "");
  }

  #row(message) {
    const template = document.getElementById("message-template");
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.seq = message.seq;
    row.dataset.type = message.type;
    if (!message.read_at) row.dataset.unread = "";
    role(row, "seq").textContent = `#${message.seq}`;
    role(row, "title").textContent = message.title;
    showText(role(row, "body"), message.body);
    showTime(role(row, "time"), message.created_at);
    const button = role(row, "download");
    button.hidden = !hasFile(message);
    button.addEventListener("click", () => this.actions.download(message, button));
    this.actions.showPicture(role(row, "picture"), message);
    return row;
  }
}

/** Whether a notification tells of a job that left a file. @param {Message} message */
function hasFile({ type, job_id, data }) {
  return type === "job.succeeded" && Boolean(job_id && data?.artifact);
}
