import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

/**
 * kafkajs 2.2.4 sets a timer for throttled requests even when none waits, and computes a negative delay for it, of which
 * the runtime warns on the user's terminal. Nothing waiting needs no timer.
 */
const scheduleCheck = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: { pending: unknown[] }) {
  if (this.pending.length > 0) scheduleCheck.call(this);
};
