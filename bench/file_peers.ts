/** What other programs are told to do with the same files. */

/**
 * A Python program for DuckDB: the aggregates of each name, function and window of the file, as CSV. Its
 * arguments are the file and how many threads there may be; without these, as many as DuckDB takes.
 */
export const DUCKDB_SCRIPT = `
import duckdb, sys
path = sys.argv[1]
if len(sys.argv) > 2:
  duckdb.sql(f"set threads = {int(sys.argv[2])}")
columns = "{'name': 'VARCHAR', 'value': 'DOUBLE', 'timestamp': 'DOUBLE', 'agg_func': 'VARCHAR'}"
source = (f"read_csv('{path}', header=true, columns={columns})" if path.endswith(".csv")
          else f"read_json('{path}', format='newline_delimited', columns={columns})")
duckdb.sql(f"""copy (
  select name, agg_func, floor(timestamp / 60) * 60 as start, count(*) as count,
    case agg_func when 'sum' then sum(value) when 'avg' then avg(value) when 'min' then min(value)
      else max(value) end as value
  from {source} group by 1, 2, 3) to '/dev/null' (format csv)""")
`;

/**
 * The configuration of Telegraf: count, sum, mean, least and greatest of each name. Its windows go by the
 * clock of the host, so that all events fall into a single one.
 */
export function telegrafConfig(path: string, output: string): string {
  return `[agent]
  omit_hostname = true
  metric_buffer_limit = 100000
[[inputs.file]]
  files = ["${path}"]
  data_format = "csv"
  csv_header_row_count = 1
  csv_tag_columns = ["name", "agg_func"]
  csv_timestamp_column = "timestamp"
  csv_timestamp_format = "unix"
[[aggregators.basicstats]]
  period = "1h"
  grace = "87600h"
  drop_original = true
  stats = ["count", "sum", "mean", "min", "max"]
[[outputs.file]]
  files = ["${output}"]
  data_format = "influx"
`;
}
