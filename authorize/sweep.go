package authorize

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Tend removes the consents that have expired, and goes on with the device flows that another node or an earlier process
// has begun. It is for the periodic call of a node that writes.
func (c *Consents) Tend(ctx context.Context, s logical.Storage) {
	if !c.grants.MayTend() {
		return
	}
	roles, err := s.List(ctx, Prefix)
	for _, in := range roles {
		var names []string
		if err == nil {
			names, err = s.List(ctx, Prefix+in)
		}
		for _, name := range names {
			if err == nil {
				err = c.tend(ctx, s, Prefix+in+name)
			}
		}
	}
	if err != nil {
		c.grants.Logger().Debug("the consents that have expired were not all looked at", "error", err)
	}
}

// lingers is how long a consent is kept after its end, so that its caller hears what became of it.
const lingers = time.Minute

func (c *Consents) tend(ctx context.Context, s logical.Storage, at string) error {
	if strings.HasSuffix(at, "/") {
		return nil
	}
	unlock, err := c.locks.Lock(ctx, at)
	if err != nil {
		return err
	}
	defer unlock()
	con, err := c.get(ctx, s, at)
	if _, damaged := errors.AsType[mount.DamagedError](err); damaged {
		return s.Delete(ctx, at)
	}
	if err != nil || con == nil {
		return err
	}
	now := clock.Now()
	if con.BeganAt.Sub(now) > patience || now.After(con.ExpiresAt.Add(lingers)) { // or of a clock that was wrong
		return c.drop(ctx, s, con)
	}
	if con.Device != nil && con.State == StateBegun && con.DeviceCode.IsSet() { // else it is being asked for
		c.poll(s, at)
	}
	return nil
}
