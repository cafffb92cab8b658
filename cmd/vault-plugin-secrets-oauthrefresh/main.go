// The vault-plugin-secrets-oauthrefresh command is the plugin binary. Vault starts it; it is not
// meant to be run by hand.
package main

import (
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	var served mounts
	served.heedSignals() // first of all: until then a signal does what it does to any Go program
	logger := hclog.New(&hclog.LoggerOptions{
		Level:      hclog.Trace, // Vault filters by its own level
		Output:     os.Stderr,
		JSONFormat: true,
	})
	go served.endWithVault(logger, os.Getppid(), lookInterval)
	// Serve, not ServeMultiplex: with one process for all mounts, reloading one mount kills the
	// exchange in flight of another. No TLS provider: Vault 1.12 and later secure the channel
	// themselves (AutoMTLS).
	err := plugin.Serve(&plugin.ServeOpts{BackendFactoryFunc: served.factory, Logger: logger})
	if err != nil {
		logger.Error("plugin shutting down", "error", err)
		os.Exit(1)
	}
}
