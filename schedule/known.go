package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// settleDelay is how long what a write has put in doubt rests: an exchange tells itself what has come of it.
	settleDelay = time.Second
	// patience is how long who asks what is known waits for what is not: a mount of some hundred roles knows all of them
	// by then, however young its process.
	patience = 2 * time.Second
	// batch is how many grants that are in doubt are looked at at a time, and maxEntities of how many owners Vault is
	// asked again for one question.
	batch, maxEntities = 64, 500
)

// look is the keeper's, and takes what it finds into the index.
func (sc *Schedule) look(ctx context.Context, s logical.Storage, key grant.Key) (*grant.Grant, error) {
	g, end, err := sc.watch(ctx, s, key)
	end()
	return g, err
}

// watch is look for who may refresh the grant by what it has found, until end is called.
func (sc *Schedule) watch(ctx context.Context, s logical.Storage, key grant.Key) (g *grant.Grant, end func(), err error) {
	var found grant.Summary
	g, end, err = sc.grants.Watch(ctx, s, key, func(sum grant.Summary) {
		found = sum
		sc.Index.Note(key, sum)
	})
	switch damaged, ok := errors.AsType[mount.DamagedError](err); {
	case ok:
		sc.grants.Logger().Debug("an entry can't be read", "entry", string(damaged))
		sc.Index.Note(key, grant.Summary{State: grant.StateUnreadable})
	case errors.Is(err, role.ErrNoRole):
		sc.Index.DoubtOf(key) // until it is certain that it is gone
	case err == nil && key.Owner() != "" && found.State != "" && g.State.RoleID == "": // nobody's: there is no state of it
		sc.Index.Forget(key)
	}
	return g, end, err
}

// settleDoubts looks again at what writes have put in doubt and nobody has told of since.
func (sc *Schedule) settleDoubts(s logical.Storage) {
	for {
		select {
		case <-sc.Index.Doubt:
		case <-sc.grants.Work.Closing:
			return
		}
		for once := true; once || sc.surveys.active(); once = false { // a survey looks at most of it anyway
			if !sc.grants.Work.Wait(settleDelay) {
				return
			}
		}
		for keys := sc.Index.Doubted(10); len(keys) > 0; keys = sc.Index.Doubted(10) { // a thousand a second
			pause := 10 * time.Millisecond
			if !sc.settle(s, keys, clock.Now().Add(mount.StorageTimeout)) {
				pause = tendDelay
			}
			if !sc.grants.Work.Wait(pause) || sc.grants.Work.Ending() {
				return
			}
		}
	}
}

// settle looks at grants that are in doubt. It returns false when storage does not answer in time.
func (sc *Schedule) settle(s logical.Storage, keys []grant.Key, until time.Time) (ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	sc.grants.Contained(func() {
		for _, key := range keys {
			_, err := sc.look(ctx, s, key)
			_, refused := mount.AsRefusal(err)
			_, damaged := errors.AsType[mount.DamagedError](err)
			switch {
			case errors.Is(err, role.ErrNoRole):
				err = sc.grants.IfGone(ctx, s, key)
			case refused: // the role keeps no grants of owners any more
				sc.Index.Forget(key)
				err = nil
			case damaged:
				err = nil
			}
			if err != nil || clock.Now().After(until) {
				return
			}
		}
		ok = true
	})
	return ok
}

// Known brings the index up to what is stored, as far as a moment's patience allows, and says how far that is. The error is
// storage's.
func (sc *Schedule) Known(ctx context.Context, s logical.Storage) (index.Progress, error) {
	until := clock.Now().Add(patience)
	if !sc.Index.Progress().Full {
		if err := sc.fill(ctx, s, until); err != nil {
			return index.Progress{}, err
		}
	}
	for more := true; more && clock.Now().Before(until); {
		keys := sc.Index.Doubted(batch)
		more = sc.settle(s, keys, until) && len(keys) == batch
	}
	if keys := sc.Index.Entities(maxEntities + 1); len(keys) <= maxEntities {
		for _, key := range keys {
			sum, _ := sc.Index.Get(key)
			if standing, err := sc.grants.OwnerStanding(key); err == nil && (standing == grant.OwnerGone) != (sum.State == grant.StateOrphaned) {
				sc.settle(s, []grant.Key{key}, until)
			}
		}
	}
	return sc.Index.Progress(), nil
}

// fill looks at the roles that nobody has looked at since the start, until it is too late.
func (sc *Schedule) fill(ctx context.Context, s logical.Storage, until time.Time) error {
	names, err := s.List(ctx, role.Prefix)
	if err != nil {
		return mount.StorageError(err)
	}
	sc.Index.Listed(len(names))
	all := true
	for _, name := range names {
		if !clock.Now().Before(until) || ctx.Err() != nil {
			return nil
		}
		key := grant.Key(name)
		all = sc.fillOne(ctx, s, key) && all
		if sum, _ := sc.Index.Get(key); sum.PerOwner {
			all = sc.fillOwners(ctx, s, name, until) && all
		}
	}
	if all { // what storage did not give may be there
		sc.Index.Filled()
	}
	return nil
}

// fillOwners is fill for the owners of a role. It returns false when not all of them are known after it.
func (sc *Schedule) fillOwners(ctx context.Context, s logical.Storage, name string, until time.Time) (all bool) {
	owners, err := grant.Owners(ctx, s, name)
	if err != nil {
		return false
	}
	all = true
	for _, owner := range owners {
		if !clock.Now().Before(until) || ctx.Err() != nil {
			return false
		}
		all = sc.fillOne(ctx, s, grant.KeyOf(name, owner)) && all
	}
	return all
}

// fillOne looks at one grant unless it is known. It returns false when storage does not give it.
func (sc *Schedule) fillOne(ctx context.Context, s logical.Storage, key grant.Key) bool {
	if _, known := sc.Index.Get(key); known {
		return true
	}
	_, err := sc.look(ctx, s, key)
	if err == nil {
		return true
	}
	sc.Index.DoubtOf(key)
	_, refused := mount.AsRefusal(err) // it is no more
	_, known := sc.Index.Get(key)      // a damaged one is
	return refused || known
}
