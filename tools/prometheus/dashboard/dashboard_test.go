package main

import (
	"flag"
	"os"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

var update = flag.Bool("update", false, "rewrite examples/prometheus/dashboard.json")

const file = "../../../examples/prometheus/dashboard.json"

// The file is what the generator makes, and Grafana's schema, read strictly, has a place for all of it.
func TestTheDashboardIsUpToDate(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != string(want) {
		t.Errorf("examples/prometheus/dashboard.json is out of date: cd tools/prometheus && go test ./dashboard -update: %v", err)
	}
	plugins.RegisterDefaultPlugins()
	//lint:ignore SA1019 see generate
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(got); err != nil && err.Error() != "" { // an empty list of errors is no nil there
		t.Error(err)
	}
	if err := read.Validate(); err != nil {
		t.Error(err)
	}
}
