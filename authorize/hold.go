package authorize

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// held are consents whose answer storage has refused so far: the code is spent, and what it has brought is in memory
// only. The zero value is ready.
type held struct {
	mu       sync.Mutex
	consents map[string]*Consent
}

func (h *held) get(at string) *Consent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.consents[at]
}

func (h *held) put(con *Consent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.consents == nil {
		h.consents = map[string]*Consent{}
	}
	h.consents[con.at] = con
}

func (h *held) drop(at string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.consents, at)
}

// keep stores what an exchange has brought, and while storage refuses it holds it in memory and goes on trying, until
// nobody could confirm it any more. The lock of the consent is held.
func (c *Consents) keep(ctx context.Context, s logical.Storage, con *Consent) {
	err := Put(ctx, s, con)
	if err == nil {
		c.held.drop(con.at)
		return
	}
	c.held.put(con)
	c.grants.Logger().Error("a consent could not be stored; it is kept in memory and stored as soon as possible", "role", con.Grant, "error", err)
	c.grants.Work.Fork(func() {
		try := func() (over bool) {
			c.grants.Contained(func() { over = c.tryStore(s, con) })
			return over
		}
		delay := grant.FirstHoldDelay
		for !try() && c.grants.Work.Wait(delay) {
			delay = min(2*delay, grant.MaxHoldDelay)
		}
	})
}

// tryStore stores what is held, unless something else has taken its place or it is over. It returns true when there is
// nothing left to do.
func (c *Consents) tryStore(s logical.Storage, con *Consent) bool {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	unlock, err := c.locks.Lock(ctx, con.at)
	if err != nil {
		return false
	}
	defer unlock()
	if c.held.get(con.at) != con {
		return true // confirmed, dropped, or another state of it
	}
	if over := con.ExpiresAt.Add(time.Minute).Before(clock.Now()); !over && Put(ctx, s, con) != nil {
		return false
	}
	c.held.drop(con.at)
	return true
}
