import { MASK } from "../../settings/mask.ts";
import { boolean, path, pattern, type ValueType } from "../../settings/value_type.ts";
import { optional, withDefault } from "../../settings/variable.ts";
import * as z from "zod";
import { type PostgresString, readPostgresString } from "./postgres_string.ts";

/** The connection string of libpq, in either of its forms, several hosts included. */
function postgresString(): ValueType<PostgresString> {
  return {
    placeholder: "<url>",
    allowed:
      "postgres://user:password@host:port/database?sslmode=verify-full, with @ : / ? # % in user and " +
      "password percent-encoded; or host=… user=… dbname=…; parameters as in docs/settings.md",
    schema: z.string().transform((text, context) => {
      const read = readPostgresString(text);
      if (typeof read !== "string") return read;
      context.addIssue({ code: "custom", message: read });
      return z.NEVER;
    }),
    mask: (text) => {
      const read = readPostgresString(text);
      return typeof read === "string" ? MASK : read.masked;
    },
  };
}

export const POSTGRES_SETTINGS = {
  POSTGRES_CONNECTION_STRING: optional(postgresString(), {
    help: "server, user and database, as libpq has them",
    needed: true,
    example: "postgres://vabus:secret@db:5432/plant",
    secret: true,
  }),
  POSTGRES_SSL_CA_FILE: optional(path("the path of a readable PEM file"), {
    help:
      "PEM file with the authority that signed the server's certificate, unless the connection string has " +
      "sslrootcert; sslmode is verify-full then, unless it is given",
    example: "/etc/vabus/postgres-ca.pem",
    defaultText: "Mozilla's and the system's authorities",
  }),
  POSTGRES_TABLE: withDefault(
    pattern(
      "<table>",
      "table or schema.table; each of letters, digits, _ and $, no digit first, at most 63",
      /^(?:[A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$/,
    ),
    "aggregated_events",
    { help: "table of the aggregates", example: "metering.aggregated_events" },
  ),
  POSTGRES_CREATE_TABLE: withDefault(boolean(), "true", {
    help: "create the table when it is missing",
    example: "false",
  }),
};
