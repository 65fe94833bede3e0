/** What packages and manifests say of the project, in one place. */

export const NAME = "vabus-data-handler";
export const HOMEPAGE = "https://github.com/vabus/vabus-data-handler";
/** GitHub's own address of the account that publishes: nobody else can have it, and it takes no mail. */
export const MAINTAINER = "VaBus Data Handler contributors <vabus@users.noreply.github.com>";
export const SUMMARY = "aggregates numeric events at the edge, and loses none";
/** Paragraphs of lines, short enough for every package. */
export const DESCRIPTION = [
  [
    "Reads numeric events from VaBus, Kafka, MQTT, NATS, Redis, files and HTTP",
    "push, aggregates them by name, labels, function and time window, and delivers",
    "the aggregates to Kafka, PostgreSQL or SQLite.",
  ],
  [
    "No event is lost, none is counted twice, and vabus-data-handler verify proves",
    "it. The package brings a service of systemd, which is started once its",
    "settings are in /etc/vabus-data-handler/env.",
  ],
] as const;
