// Command bench measures the engine in a real Vault, side by side with plugins that do nothing else than
// answer, and prints a table of ratios. Absolute figures are the machine's; ratios are the product's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

var (
	vaultBin = flag.String("vault", "", "the vault `binary`")
	bin      = flag.String("bin", "", "the `directory` of the plugin's and the baseline's binary")
	page     = flag.String("write", "", "a `page` to write the table to, between its markers")
	rounds   = flag.Int("rounds", 7, "rounds of each measurement")
	turn     = flag.Duration("turn", time.Second, "how long each reads in a round")
	only     = flag.String("only", "", "measure only this: warm, owners, cold, due, slow or many")
)

const (
	pluginName   = "vault-plugin-secrets-oauthrefresh"
	baselineName = "baseline"
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	t := &table{}
	for _, m := range []struct {
		name    string
		measure func(*table) error
	}{{"warm", warm}, {"owners", owners}, {"cold", cold}, {"due", due}, {"slow", slow}, {"many", many}} {
		if *only != "" && *only != m.name {
			continue
		}
		began := time.Now()
		if err := m.measure(t); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", m.name, time.Since(began).Round(time.Second))
	}
	fmt.Printf("\n%s", t)
	if *page == "" {
		return nil
	}
	return t.write(*page)
}

// withVault measures on a server of its own, with both plugins mounted.
func withVault(storage string, measure func(*vault) error) error {
	v, err := startVault(*vaultBin, storage, *bin+"/"+pluginName, *bin+"/"+baselineName)
	if err != nil {
		return err
	}
	err = errors.Join(v.mount("oauth", pluginName), v.mount("base", baselineName), v.mount("kv", "kv"))
	if err == nil {
		err = measure(v)
	}
	return errors.Join(err, v.stop())
}
