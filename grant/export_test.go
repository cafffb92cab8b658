package grant

import (
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	Heartbeat    = heartbeat
	MaxAhead     = maxAhead
	MaxPatience  = maxPatience
	Seldom       = seldom
	WouldFail    = wouldFail
	WouldRefresh = wouldRefresh
	WouldServe   = wouldServe
	WouldWarn    = wouldWarn
)

var (
	Backoff  = backoff
	Margin   = margin
	NewFault = newFault
	NewTerms = newTerms
)

func (i *Intent) Within(a0 *role.Target, a1 time.Time) client.Options { return i.within(a0, a1) }

func (k *Keeper) HandOut(a0 Terms, a1 *State, a2 time.Time) (*Served, error) {
	return k.handOut(a0, a1, a2)
}

func (k *Keeper) LetGo(a0 Key) { k.letGo(a0) }

func (k *Keeper) OutcomeUnknown(a0 *Grant) bool { return k.outcomeUnknown(a0) }

func (k *Keeper) UnmarkInflight(a0 logical.Storage, a1 Key) { k.unmarkInflight(a0, a1) }

func (m *memory) Recall(a0 Key) (remembered, bool) { return m.recall(a0) }

func (t Terms) Promised(a0 *State, a1 time.Time) time.Duration { return t.promised(a0, a1) }

func (t Terms) Usable(a0 *State, a1 time.Time) time.Duration { return t.usable(a0, a1) }
