package schedule

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
)

const (
	MaxRest    = maxRest
	MaxWorkers = maxWorkers
	SweepPause = sweepPause
	SweepRest  = sweepRest
	TendDelay  = tendDelay
)

var (
	SweepPauseOf = sweepPauseOf
)

func (x *Schedule) Plan(a0 *grant.Grant, a1 time.Time) plan { return x.plan(a0, a1) }

func (x *Schedule) Rest(a0 time.Time) bool { return x.rest(a0) }

func (x *Shares) Enter(a0 Turn) bool { return x.enter(a0) }

func (x *Shares) Leave(a0 string) []Turn { return x.leave(a0) }

func (x *queue) Remove(a0 grant.Key) { x.remove(a0) }

func (x *queue) Take(a0 time.Time) (Turn, time.Time) { return x.take(a0) }
