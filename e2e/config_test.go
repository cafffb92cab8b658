package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// configure writes the configuration and starts the server.
func (v *vault) configure(storage string, args ...string) error {
	if v.addr == "" {
		port, err := freePort()
		if err != nil {
			return err
		}
		v.addr = fmt.Sprintf("http://127.0.0.1:%d", port)
	}
	listen := strings.TrimPrefix(v.addr, "http://")
	config := fmt.Sprintf("%splugin_directory = %q\nraw_storage_endpoint = true\ndisable_mlock = true\n", storage, bin.plugins)
	if storage == "" {
		args = append(args, "-dev-listen-address="+listen)
	} else {
		cluster, err := freePort()
		if err != nil {
			return err
		}
		config += fmt.Sprintf("api_addr = %q\ncluster_addr = \"http://127.0.0.1:%d\"\n", v.addr, cluster)
		// Vault itself answers a string of more than 1 MiB with 500, unless it is told to let it through.
		config += fmt.Sprintf("listener \"tcp\" {\n address = %q\n cluster_address = \"127.0.0.1:%d\"\n tls_disable = true\n max_json_string_value_length = %d\n}\n", listen, cluster, 32<<20)
	}
	if err := os.WriteFile(v.config(), []byte(config), 0o600); err != nil {
		return err
	}
	return v.boot(args...)
}

func (v *vault) config() string { return filepath.Join(workdir, v.name+".hcl") }
