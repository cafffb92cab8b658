package grant

import (
	"crypto/tls"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// sessions keeps TLS sessions between exchanges. A resumed session takes a handshake's place, so it must
// not outlive the trust that it was made in: each set of authorities has sessions of its own.
type sessions struct {
	trusts *lru.Cache[string, tls.ClientSessionCache]
}

const (
	// maxTrusts bounds how many sets of authorities have sessions, maxSessions how many hosts each:
	// together 20 MB, with chains of 5 KiB.
	maxTrusts, maxSessions = 64, 64
)

func newSessions() *sessions {
	trusts, err := lru.New[string, tls.ClientSessionCache](maxTrusts)
	if err != nil {
		panic(err) // the size is above 0
	}
	return &sessions{trusts}
}

// of returns the sessions for the authorities in these PEM texts, which the mount and the role trust.
func (s *sessions) of(ofMount, ofRole string) tls.ClientSessionCache {
	key := mount.Digest(ofMount, ofRole)
	made := tls.NewLRUClientSessionCache(maxSessions)
	if found, ok, _ := s.trusts.PeekOrAdd(key, made); ok {
		s.trusts.Get(key) // counts as used
		return found
	}
	return made
}
