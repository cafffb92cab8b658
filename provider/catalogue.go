package provider

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"vault-plugin-secrets-oauthrefresh/client"
)

//go:embed catalogue/*.json
var catalogueFiles embed.FS

// catalogue decodes the embedded definitions on first use. A broken file is a broken build, which
// TestBuiltinsAreValid catches, hence the panic.
var catalogue = sync.OnceValue(func() map[string]*client.Provider {
	files, err := catalogueFiles.ReadDir("catalogue")
	if err != nil {
		panic(err)
	}
	providers := make(map[string]*client.Provider, len(files))
	for _, f := range files {
		data, err := catalogueFiles.ReadFile(path.Join("catalogue", f.Name()))
		if err != nil {
			panic(err)
		}
		p, err := client.DecodeProvider(data)
		if err != nil {
			panic(fmt.Sprintf("provider/catalogue/%s: %v", f.Name(), err))
		}
		p.SetDefaults()
		providers[strings.TrimSuffix(f.Name(), ".json")] = p
	}
	return providers
})

// Builtin returns a copy of the built-in provider by that name, with its defaults filled in, and
// whether there is one.
func Builtin(name string) (*client.Provider, bool) {
	p, ok := catalogue()[name]
	if !ok {
		return nil, false
	}
	return p.Clone(), true
}

// Builtins lists the names of the built-in providers, sorted.
func Builtins() []string { return slices.Sorted(maps.Keys(catalogue())) }
