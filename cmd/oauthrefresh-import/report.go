package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// The outcomes of a row.
const (
	written    = "written"
	before     = "written before" // by an earlier run of the same import
	skipped    = "skipped"        // there is, or was, a role that is not to be overwritten
	refused    = "refused"        // by Vault
	notReached = "not reached"
	wouldWrite = "to be written" // with -dry-run
)

// result is what became of one row. It holds no value of the row but its name.
type result struct {
	At       string   `json:"at"`
	Name     string   `json:"name"`
	Outcome  string   `json:"outcome"`
	Detail   string   `json:"detail,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// report is what became of all of them.
type report struct {
	Mount  string         `json:"mount"`
	DryRun bool           `json:"dry_run"`
	Counts map[string]int `json:"counts"`
	Rows   []result       `json:"rows"`
}

func newReport(mount string, dryRun bool, rows []row) *report {
	r := &report{Mount: mount + "/", DryRun: dryRun}
	for _, it := range rows {
		r.Rows = append(r.Rows, result{At: it.at, Name: it.name, Outcome: notReached})
	}
	return r
}

func (r *result) say(outcome, detail string) { r.Outcome, r.Detail = outcome, detail }

// complete tells whether every row is in Vault, or would be.
func (r *report) complete() bool {
	n := r.count()
	return n[written]+n[before]+n[wouldWrite] == len(r.Rows)
}

func (r *report) count() map[string]int {
	n := map[string]int{}
	for _, it := range r.Rows {
		n[it.Outcome]++
	}
	return n
}

// print writes a line for each row, then the counts.
func (r *report) print(w io.Writer) {
	for _, it := range r.Rows {
		fmt.Fprintf(w, "%s %s: %s", it.At, it.Name, it.Outcome)
		if it.Detail != "" {
			fmt.Fprintf(w, ": %s", it.Detail)
		}
		fmt.Fprintln(w)
		for _, text := range it.Warnings {
			fmt.Fprintf(w, "    %s\n", text)
		}
	}
	n := r.count()
	fmt.Fprintf(w, "%d rows:", len(r.Rows))
	for _, outcome := range []string{written, before, skipped, refused, notReached, wouldWrite} {
		if n[outcome] > 0 {
			fmt.Fprintf(w, " %d %s", n[outcome], outcome)
		}
	}
	fmt.Fprintln(w)
}

// store writes it as JSON, for its owner alone.
func (r *report) store(name string) error {
	r.Counts = r.count()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o600)
}
