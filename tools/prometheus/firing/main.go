// The program firing prints the alerts of a file of rules that one scrape of a mount fires, on standard input, without a
// Prometheus: `make demo` shows them.
//
//	curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/oauth/metrics" | firing examples/prometheus/rules.yml oauth
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "firing:", err)
		os.Exit(1)
	}
}

func run(args []string, scrape io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("give a file of rules and the path of the mount, and the scrape on standard input")
	}
	text, err := io.ReadAll(scrape)
	if err != nil {
		return err
	}
	now := time.Now()
	series, err := seriesOf(text, args[1], now)
	if err != nil {
		return fmt.Errorf("standard input is no scrape: %w", err)
	}
	alerts, err := evaluate(context.Background(), args[0], series, now)
	if err != nil {
		return err
	}
	for i, a := range alerts {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s    %s    %s\n\n%s\n\n%s\n", a.name, a.state, a.severity, fold(a.summary), fold(a.description))
	}
	if len(alerts) == 0 {
		fmt.Fprintln(out, "no alert fires")
	}
	return nil
}

// width is that of a line of text.
const width = 72

// fold breaks a text into lines.
func fold(text string) string {
	var out strings.Builder
	n := 0
	for _, word := range strings.Fields(text) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			out.WriteByte('\n')
			n = 0
		default:
			out.WriteByte(' ')
			n++
		}
		out.WriteString(word)
		n += len(word)
	}
	return out.String()
}
