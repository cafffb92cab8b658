package grant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// world is one sequence under way: the provider, the plugin process of the moment and its storage, the true
// time and what the plugin's clock makes of it.
//
// The endpoint is outside the bubble, whose clock stands still while an exchange is made. What takes time at
// the provider (it hangs, it is slow) is therefore a step of the plugin's clock that is true: see spend.
type world struct {
	t     *sequenceTB
	kind  providerKind
	whose modelOwner
	began time.Time // in the bubble

	mu       sync.Mutex
	strict   *strictProvider
	server   *clienttest.Server
	process  *modelProcess
	bubble   time.Time     // the last that was seen of it; it stands still during an exchange
	spent    time.Duration // at the provider, see spend
	noticed  time.Duration // of that, by the plugin's timers
	wrong    time.Duration // how far the plugin's clock is off
	stepped  time.Duration // all steps of the plugin's clock, whichever way
	role     roleModel
	faults   []mishap
	storage  storageMishaps
	gates    []*doorGate   // made outside the bubble, whose own would stop its clock
	gate     *doorGate     // of the next request
	loitered bool          // the last request that hung was given more time than there is in a grace
	editing  bool          // something is written while a refresh is under way
	edits    int           // how often something was written
	ungraced bool          // the definition has said at times that there is no grace
	forced   bool          // an operator is forcing a refresh
	forcedAt time.Time     // when one last began or ended to
	died     time.Time     // when the process did
	down     time.Duration // how long there is none after that
	asked    int           // requests at one moment
	askedAt  time.Time

	intent       *grant.Intent // that the plugin has stored last, nil for none
	announcedAt  time.Time     // when it stored one last,
	before       time.Time     // and the time before
	unanswered   string        // the last refresh token that was presented in vain,
	unansweredAt time.Time

	troubles []timespan
	loss     *lostAnswer
	excuse   string // why the grant could not be kept, "" while it can
	failure  *brokenRule
	trace    []string
}

// roleModel is the role and the definition as they are written.
type roleModel struct {
	scope     string
	keepalive time.Duration
	ttl       time.Duration
	idle      time.Duration // refresh_token_idle_ttl of the definition
	idleAt    time.Time     // when it was written, if it was another one before
	grace     time.Duration // reuse_grace of it
	nested    bool          // its pointers
	pointedAt time.Time     // when it was written for another access_token_pointer: tokens of before are none of its any more
}

func (r *roleModel) setIdle(idle time.Duration, now time.Time) {
	if r.idle != idle {
		r.idle, r.idleAt = idle, now
	}
}

// failure is what must not be. Its rule is one of the property's.
type brokenRule struct{ rule, text string }

// interval is a time in which something was wrong.
type timespan struct{ from, to time.Time }

// process is one run of the plugin. Once it is dead nothing of it reaches storage, and so nothing is sent.
type modelProcess struct {
	*enginetest.Mount
	dead atomic.Bool
}

var errProcessDead = errors.New("the process is dead")

// sequenceTB lets the cleanups of one sequence run at its end.
type sequenceTB struct {
	testing.TB
	cleanups []func()
	failed   string
}

func (t *sequenceTB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *sequenceTB) Context() context.Context { return context.Background() }

func (t *sequenceTB) Errorf(format string, args ...any) {
	if t.failed == "" {
		t.failed = fmt.Sprintf(format, args...)
	}
}

func (t *sequenceTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *sequenceTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (t *sequenceTB) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}

// play runs a sequence and returns what was wrong, nil for nothing.
func play(t *testing.T, k providerKind, whose modelOwner, steps []modelStep) (w *world) {
	t.Helper()
	outside := &sequenceTB{TB: t}
	defer outside.end()
	server := clienttest.New(outside, clienttest.Options{Plain: true})
	w = &world{kind: k, whose: whose, strict: newStrict(k), server: server}
	server.Handle(w.answer)
	for range steps {
		w.gates = append(w.gates, &doorGate{arrived: make(chan struct{}), open: make(chan struct{})})
	}
	defer func() {
		clock.Pass(-w.spent)
		clock.Step(-w.wrong)
	}()
	var panicked any
	synctest.Test(t, func(t *testing.T) {
		defer func() { panicked = recover() }() // else it would take the whole test binary down
		w.t = &sequenceTB{TB: t}
		defer w.t.end()
		w.begin()
		for i, s := range steps {
			if w.failed() {
				return
			}
			w.note("step %d: %s", i+1, s)
			w.take(s)
			w.check()
		}
		if !w.failed() {
			w.finish()
		}
	})
	if panicked != nil {
		w.fail("harness", "%v", panicked)
	} else if w.t.failed != "" {
		w.fail("harness", "%s", w.t.failed)
	}
	return w
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure != nil
}

// begin sets the mount up as an operator does.
func (w *world) begin() {
	w.began, w.bubble = time.Now(), time.Now()
	w.start(new(enginetest.Storage))
	w.process.Write("config", enginetest.Fields{"allow_insecure_endpoints": true})
	w.process.Write("providers/test", w.kind.definition(w.server.URL()))
	w.role = roleModel{scope: "s0", idle: w.kind.Idle, grace: w.kind.Grace}
	w.writeRole()
}

// start runs a plugin over the storage, with its background work.
func (w *world) start(storage *enginetest.Storage) {
	p := new(modelProcess)
	hook := func(f func(key string) error) enginetest.StorageHook {
		return func(key string) error {
			w.see()
			if p.dead.Load() {
				return errProcessDead
			}
			return f(key)
		}
	}
	storage.OnGet(hook(w.beforeGet))
	storage.OnPut(hook(w.beforePut))
	storage.AfterPut(hook(func(key string) error {
		w.announced(storage, key)
		return w.afterPut(key)
	}))
	storage.OnDelete(hook(func(string) error { return nil }))
	p.Mount = w.whose.as(enginetest.NewOn(w.t, storage))
	w.mu.Lock()
	w.process = p
	w.mu.Unlock()
	p.StartBackground()
	synctest.Wait()
	w.pauseShortly() // a survey looks at the roles at its leisure
}

// see notes the bubble's time for those who are outside, and lets those inside know that time has passed there: a
// timer doesn't notice by itself.
func (w *world) see() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bubble = time.Now()
	if w.process == nil || w.noticed == w.spent {
		return
	}
	w.noticed = w.spent
	select {
	case w.process.Schedule.Index.Changed <- struct{}{}:
	default:
	}
}

// now is the true time. It needs the lock.
func (w *world) now() time.Time { return w.bubble.Add(w.spent) }

// spend lets time pass while an exchange is made. It needs the lock.
func (w *world) spend(d time.Duration) {
	w.spent += d
	clock.Pass(d)
}

// restart puts another process in the place of the one there is, after a while. What only that one knew is
// gone.
func (w *world) restart(after time.Duration) {
	old := w.process
	w.mu.Lock()
	w.die()
	from := w.died
	w.mu.Unlock()
	go old.Cleanup(context.Background()) // it can't do anything any more, but its goroutines must end
	time.Sleep(after)
	w.see()
	w.mu.Lock()
	w.troubles = append(w.troubles, timespan{from, w.now()})
	w.forgotten(old)
	if w.loss != nil {
		w.loss.down += w.now().Sub(grant.Later(from, w.loss.at))
	}
	w.mu.Unlock()
	storage := new(enginetest.Storage)
	for key, value := range old.Storage.Contents(w.t) {
		if err := storage.InmemStorage.Put(context.Background(), &logical.StorageEntry{Key: key, Value: []byte(value)}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start(storage)
}

// die ends the process without its knowing. It needs the lock.
func (w *world) die() {
	if !w.process.dead.Swap(true) {
		w.died = w.now()
	}
}

// forgotten notes what the plugin knew and storage does not. It needs the lock.
func (w *world) forgotten(old *modelProcess) {
	contents := old.Storage.Contents(w.t)
	stored := contents[w.stateKey()] + contents["role/r"]
	live, last := false, (*issuedRefresh)(nil)
	for _, rt := range w.strict.refresh {
		if rt.grant != w.strict.grant {
			continue
		}
		known := strings.Contains(stored, `"`+rt.name+`"`)
		rt.delivered = rt.delivered && known
		live = live || known && rt.spent.IsZero()
		if known && !rt.spent.IsZero() && (last == nil || rt.spent.After(last.spent)) {
			last = rt
		}
	}
	for _, at := range w.strict.access {
		at.delivered = at.delivered && strings.Contains(stored, `"`+at.name+`"`)
	}
	if !live && last != nil && w.loss == nil {
		w.lose(last)
	}
	if w.loss != nil {
		w.loss.tries++
		w.loss.kills++
	}
}

// note adds to what is shown of a failure.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(format, args...)
}

func (w *world) noteLocked(format string, args ...any) {
	at := w.now().Sub(w.began).Round(time.Millisecond)
	w.trace = append(w.trace, fmt.Sprintf("%14s  ", at)+strings.ReplaceAll(fmt.Sprintf(format, args...), enginetest.Canary, ""))
}

func (w *world) fail(rule, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(rule, format, args...)
}

func (w *world) failLocked(rule, format string, args ...any) {
	if w.failure == nil {
		w.failure = &brokenRule{rule, fmt.Sprintf(format, args...)}
		w.noteLocked("%s: %s", rule, w.failure.text)
	}
}
