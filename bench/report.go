package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// row is one line of the table.
type row struct {
	what, measured, compared, ratio, target string
}

// table is what a run finds out.
type table struct{ rows []row }

func (t *table) add(what, measured, compared, ratio, target string) {
	r := row{what, measured, compared, ratio, target}
	t.rows = append(t.rows, r)
	fmt.Println(r)
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", r.what, r.measured, r.compared, r.ratio, r.target)
}

// String is the table as Markdown, with the machine that it is of.
func (t *table) String() string {
	var b strings.Builder
	b.WriteString("| what | measured | compared with | ratio | target |\n|---|--:|--:|--:|--:|\n")
	for _, r := range t.rows {
		fmt.Fprintln(&b, r)
	}
	fmt.Fprintf(&b, "\nMachine: %s\n", machine())
	return b.String()
}

func machine() string {
	model := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			model = strings.Trim(name, "\t :\n")
			break
		}
	}
	return fmt.Sprintf("%d × %s, %s/%s, %s.", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// write puts the table into a page, between its markers.
func (t *table) write(page string) error {
	const begins, ends = "<!-- table:begin -->\n", "<!-- table:end -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begins)
	_, after, ok2 := strings.Cut(rest, ends)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the comments around the table", page)
	}
	return os.WriteFile(page, []byte(before+begins+t.String()+ends+after), 0o644)
}
