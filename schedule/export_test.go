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

func (sc *Schedule) Plan(a0 *grant.Grant, a1 time.Time) plan { return sc.plan(a0, a1) }

func (sc *Schedule) Rest(a0 time.Time) bool { return sc.rest(a0) }

func (s *Shares) Enter(a0 Turn) bool { return s.enter(a0) }

func (s *Shares) Leave(a0 string) []Turn { return s.leave(a0) }

func (q *queue) Remove(a0 grant.Key) { q.remove(a0) }

func (q *queue) Take(a0 time.Time) (Turn, time.Time) { return q.take(a0) }
