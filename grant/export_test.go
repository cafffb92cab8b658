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

func (x *Intent) Within(a0 *role.Target, a1 time.Time) client.Options { return x.within(a0, a1) }

func (x *Keeper) HandOut(a0 Terms, a1 *State, a2 time.Time) (*Served, error) {
	return x.handOut(a0, a1, a2)
}

func (x *Keeper) LetGo(a0 Key) { x.letGo(a0) }

func (x *Keeper) OutcomeUnknown(a0 *Grant) bool { return x.outcomeUnknown(a0) }

func (x *Keeper) UnmarkInflight(a0 logical.Storage, a1 Key) { x.unmarkInflight(a0, a1) }

func (x *memory) Recall(a0 Key) (remembered, bool) { return x.recall(a0) }

func (x Terms) Promised(a0 *State, a1 time.Time) time.Duration { return x.promised(a0, a1) }

func (x Terms) Usable(a0 *State, a1 time.Time) time.Duration { return x.usable(a0, a1) }
