const DASHBOARD = new URL("../../deploy/grafana/vabus-data-handler.json", import.meta.url);

/** The queries of all panels, as Grafana asks them for all handlers. */
export async function panelQueries(): Promise<{ readonly panel: string; readonly query: string }[]> {
  const { panels } = JSON.parse(await Deno.readTextFile(DASHBOARD)) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      query: expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m"),
    }))
  );
}
