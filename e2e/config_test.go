package e2e

import (
	"fmt"
	"os"
	"path/filepath"
)

// configure writes the configuration and starts the server.
func (v *vault) configure(storage string, args ...string) error {
	if err := v.settle(); err != nil {
		return err
	}
	listen := fmt.Sprintf("%s:%d", v.host, apiPort)
	config := fmt.Sprintf("%splugin_directory = %q\nraw_storage_endpoint = true\ndisable_mlock = true\n", storage, bin.plugins)
	if storage == "" {
		args = append(args, "-dev-listen-address="+listen)
	} else {
		cluster := fmt.Sprintf("%s:%d", v.host, clusterPort)
		config += fmt.Sprintf("api_addr = %q\ncluster_addr = \"http://%s\"\n", v.addr, cluster)
		// Vault itself answers a string of more than 1 MiB with 500, unless it is told to let it through.
		config += fmt.Sprintf("listener \"tcp\" {\n address = %q\n cluster_address = %q\n tls_disable = true\n max_json_string_value_length = %d\n}\n", listen, cluster, 32<<20)
	}
	if err := os.WriteFile(v.config(), []byte(config), 0o600); err != nil {
		return err
	}
	return v.boot(args...)
}

// settle gives the server its address, once.
func (v *vault) settle() (err error) {
	if v.host == "" {
		v.host, err = ownHost()
		v.addr = fmt.Sprintf("http://%s:%d", v.host, apiPort)
	}
	return err
}

func (v *vault) config() string { return filepath.Join(workdir, v.name+".hcl") }
