package grant

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// gap is a time of which storage knows nothing. After a snapshot is restored, or a replica promoted,
// that is the time in which refresh tokens may have been replaced that storage no longer has. After
// a plain outage nothing was. From inside the two look the same, so a gap only explains: it makes
// background work wait until it has to act, and a refusal say what has probably happened.
type gap struct {
	From    time.Time `json:"from"` // zero: not known, since a clock was put back
	To      time.Time `json:"to"`
	Cluster bool      `json:"cluster,omitempty"` // the cluster is another one
}

// LifeKey is the storage key of the last sign of life.
const LifeKey = "life"

const (
	// heartbeat is how often a sign of life is stored. A write in ten minutes costs nothing, and
	// bounds how old a snapshot can be without being noticed.
	heartbeat = 10 * time.Minute
	// maxSilence is the longest pause between two signs of life that is nothing unusual: a restart,
	// an unseal by hand.
	maxSilence = 3 * heartbeat
	// maxAhead is how far ahead of the clock a time may be that is believed: two nodes' clocks differ. What is
	// further ahead was written by a clock that was put back since.
	maxAhead = time.Minute
)

// Life is the last sign of life of this mount, as it is stored.
type Life struct {
	ClusterID string    `json:"cluster_id"`
	At        time.Time `json:"at"`
	Gap       *gap      `json:"gap,omitempty"` // the last one there was
}

// lookBack finds out whether storage knows all that happened, and leaves the first sign of life.
func (k *Keeper) lookBack(ctx context.Context, s logical.Storage, now time.Time) error {
	var last Life
	known, err := mount.Load(ctx, s, LifeKey, &last)
	if err != nil {
		return err
	}
	cluster, err := k.System().ClusterID(ctx)
	if err != nil {
		return err
	}
	silence := now.Sub(last.At)
	if other := last.ClusterID != cluster; known && (other || silence > maxSilence || silence < -maxAhead) {
		last.Gap = &gap{From: last.At, To: now, Cluster: other}
		if silence < 0 {
			last.Gap.From = time.Time{}
		}
		k.Logger().Warn("storage knows nothing of a time: after a restored snapshot or a promoted replica, refresh tokens may be spent",
			"from", last.Gap.From, "to", last.Gap.To, "other_cluster", other)
	}
	k.life.Store(&Life{ClusterID: cluster, At: now, Gap: last.Gap.before(now)})
	return mount.Save(ctx, s, LifeKey, k.life.Load())
}

// SignOfLife stores that this mount is alive, when it is time to.
func (k *Keeper) SignOfLife(ctx context.Context, s logical.Storage, now time.Time) {
	last := k.life.Load()
	if last != nil && now.Sub(last.At) < heartbeat && now.Sub(last.At) >= -maxAhead || !k.MayTend() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	var err error
	if last == nil {
		err = k.lookBack(ctx, s, now)
	} else {
		next := &Life{ClusterID: last.ClusterID, At: now, Gap: last.Gap.before(now)}
		if err = mount.Save(ctx, s, LifeKey, next); err == nil {
			k.life.Store(next)
		}
	}
	if err != nil {
		k.Logger().Debug("no sign of life could be stored", "error", err)
	}
}

// before is the gap as it counts by a clock that shows now. One that ends in the future was found by a clock that
// was ahead: it ends now, or no grant could be newer.
func (g *gap) before(now time.Time) *gap {
	if g == nil || g.To.Sub(now) <= maxAhead {
		return g
	}
	bounded := &gap{From: g.From, To: now, Cluster: g.Cluster}
	if bounded.From.After(now) {
		bounded.From = time.Time{}
	}
	return bounded
}

// gapOf is the gap that a grant's state is older than; nil when there is none.
func (k *Keeper) gapOf(g *Grant) *gap {
	last := k.life.Load()
	if last == nil || last.Gap == nil || !Later(g.State.ObtainedAt, g.Role.GrantedAt).Before(last.Gap.To) {
		return nil
	}
	return last.Gap
}

// Gapped tells whether storage knows nothing of a time since the grant's state was stored: its refresh token may have been
// replaced then.
func (k *Keeper) Gapped(g *Grant) bool { return k.gapOf(g) != nil }

// sentence says what is not known, and what has probably happened meanwhile.
func (g *gap) sentence() string {
	from := "from " + g.From.UTC().Format(time.RFC3339)
	if g.From.IsZero() {
		from = "(since when is not known, because a clock was put back)"
	}
	text := fmt.Sprintf("Vault's storage knows nothing of the time %s to %s", from, g.To.UTC().Format(time.RFC3339))
	if g.Cluster {
		text += " and comes from another cluster"
	}
	return text + ", as after a snapshot was restored: the provider has probably replaced this refresh token in that time"
}
