package front

import (
	"net"
	"net/http"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// route finds who answers. On 127.0.0.1 the first part of the path names the provider, except for one whose own
// path begins with its name already. The second result is the path as on the provider's own host.
func route(all oauth.Ledgers, host, path string, h http.Header) (*oauth.Ledger, string) {
	if ip := net.ParseIP(host); !ip.IsLoopback() && host != "localhost" {
		return all.At(host).Claiming(h), path
	}
	if name, ok := strings.CutPrefix(path, oauth.MetadataPath+"/"); ok {
		return all.Named(name), oauth.MetadataPath
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if l := all.Under(first).Claiming(h); l != nil {
		return l, path
	}
	return all.Named(first), "/" + rest
}
