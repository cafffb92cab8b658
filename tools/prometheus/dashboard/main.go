// The program dashboard prints examples/prometheus/dashboard.json, made with Grafana's own builders, which know the
// schema. `go test ./dashboard -update` writes the file.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	text, err := generate()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
	fmt.Print(string(text))
}

// generate returns the dashboard as Grafana imports it.
func generate() ([]byte, error) {
	//lint:ignore SA1019 the schema that follows it is imported by the newest versions of Grafana only
	board := dashboard.NewDashboardBuilder("OAuth grants in Vault").
		Uid("oauthrefresh").
		Description("Grants that the secrets engine oauthrefresh keeps: docs/operate.md").
		Tags([]string{"vault", "oauth"}).
		Time("now-24h", "now").
		Refresh("1m").
		Timezone(common.TimeZoneBrowser).
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
		WithVariable(mountVariable())
	for _, row := range rows() {
		board.WithRow(dashboard.NewRowBuilder(row.title))
		for _, panel := range row.panels {
			board.WithPanel(panel)
		}
	}
	built, err := board.Build()
	if err != nil {
		return nil, err
	}
	for i := range built.Panels { // Grafana tells panels apart by their ids
		id := uint32(i + 1)
		if at := built.Panels[i]; at.Panel != nil {
			at.Panel.Id = &id
		} else {
			at.RowPanel.Id = id
		}
	}
	text, err := json.MarshalIndent(built, "", "  ")
	return append(text, '\n'), err
}

// row is a title with the panels below it.
type row struct {
	title  string
	panels []cog.Builder[dashboard.Panel]
}

// datasource is the one that is chosen above the dashboard.
func datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

// mountVariable is the choice of one mount, several or all.
func mountVariable() *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder("mount").
		Label("Mount").
		Datasource(datasource()).
		Query(dashboard.StringOrMap{String: new("label_values(oauthrefresh_survey_complete, mount)")}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Multi(true).IncludeAll(true).AllValue(".*").
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}
