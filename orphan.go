package oauthrefresh

import (
	"github.com/hashicorp/vault/sdk/logical"
)

// Abandon ends a mount whose Vault has gone, and its storage with it. No refresh begins, the exchanges in
// flight end as they may, and unlike at any other end nothing waits for storage to take what it has refused:
// there is none that could. It returns how many refreshes have an answer, or will get one, that is lost.
func Abandon(mount logical.Backend) (lost int) {
	b, ok := mount.(*backend)
	if !ok {
		return 0
	}
	return b.grants.Abandon(cleanTimeout)
}
