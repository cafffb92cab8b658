package schedule

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
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

func (sc *Schedule) Plan(a0 *grant.Grant, a1 time.Time) plan { return sc.plan(a0, a1) }

func (sc *Schedule) Rest(a0 time.Time) bool { return sc.rest(a0) }

func (s *Shares) Enter(a0 index.Turn) bool { return s.enter(a0) }

func (s *Shares) Leave(a0 string) []index.Turn { return s.leave(a0) }
