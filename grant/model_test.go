package grant_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vault-plugin-secrets-oauthrefresh/client"
)

var sequences = flag.Int("sequences", 120, "random sequences of the model")

// Random operations, faults, clock steps, edits and restarts against a model of a strict provider. No sequence
//
//   - spent: presents a spent token whose successor the plugin has, or one that was never issued
//   - early: presents one that may be spent while a good token is at hand and nothing forces it
//   - lost: loses a grant that could be kept
//   - foreign: serves a token of other settings or of another grant
//   - beyond: serves one beyond its end
//   - queue: leaves a role out of the background work
//   - storm: asks the provider again and again
//
// A failure is shrunk, and kept in testdata/rapid, from where it is tried first the next time.
func TestNoSequenceLosesAGrant(t *testing.T) {
	noSequenceLoses(t, *sequences, func(*rapid.T) modelOwner { return theRole })
}

// checksGiven tells whether somebody wants another number of sequences.
var checksGiven = sync.OnceValue(func() bool { return flagGiven("rapid.checks") })

func noSequenceLoses(t *testing.T, sequences int, drawWhose func(*rapid.T) modelOwner) {
	t.Helper()
	if !checksGiven() {
		if err := flag.Set("rapid.checks", fmt.Sprint(sequences)); err != nil {
			t.Fatal(err)
		}
	}
	if !flagGiven("rapid.seed") && !flagGiven("sequences") { // make test plays the same ones each time, make chaos looks for others
		if err := flag.Set("rapid.seed", "10"); err != nil {
			t.Fatal(err)
		}
	}
	var first, last *world
	defer func() {
		if t.Failed() && last.failure == nil { // what is left to chance in the plugin has fallen otherwise
			t.Logf("a provider like %+v, at first:\n%s", first.kind, strings.Join(first.trace, "\n"))
		}
	}()
	rapid.Check(t, func(r *rapid.T) {
		whose := drawWhose(r)
		k := drawKind(r)
		var steps []modelStep
		for range 5 { // since rapid makes long slices of short ones rarely, and shrinks a slice to nothing
			steps = append(steps, rapid.SliceOfN(rapid.Custom(drawStep), 0, 20).Draw(r, "steps")...)
		}
		w := play(t, k, whose, steps)
		if last = w; w.failure == nil {
			return
		}
		if first == nil {
			first = w
		}
		r.Logf("a provider like %+v, and the grant is %s", k, whose)
		r.Logf("what happened:\n%s", strings.Join(w.trace, "\n"))
		broken[w.failure.rule](r, w.failure.text)
	})
}

// broken has a function for each rule, since rapid tells failures apart by where they come from: while it
// shrinks a sequence, it shall not come to another failure.
var broken = map[string]func(r *rapid.T, text string){
	"spent":   func(r *rapid.T, text string) { r.Fatalf("spent: %s", text) },
	"early":   func(r *rapid.T, text string) { r.Fatalf("early: %s", text) },
	"lost":    func(r *rapid.T, text string) { r.Fatalf("lost: %s", text) },
	"foreign": func(r *rapid.T, text string) { r.Fatalf("foreign: %s", text) },
	"beyond":  func(r *rapid.T, text string) { r.Fatalf("beyond: %s", text) },
	"queue":   func(r *rapid.T, text string) { r.Fatalf("queue: %s", text) },
	"storm":   func(r *rapid.T, text string) { r.Fatalf("storm: %s", text) },
	"log":     func(r *rapid.T, text string) { r.Fatalf("log: %s", text) },
	"harness": func(r *rapid.T, text string) { r.Fatalf("harness: %s", text) },
}

func flagGiven(name string) (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

const wholeDay = 24 * time.Hour

func drawKind(r *rapid.T) providerKind {
	k := providerKind{
		Rotation: rapid.SampledFrom([]string{client.RotationAlways, client.RotationAlways, client.RotationSometimes, client.RotationNever}).Draw(r, "rotation"),
		Kills:    rapid.IntRange(0, 3).Draw(r, "kills") == 3,
		Idle:     rapid.SampledFrom([]time.Duration{0, 0, 10 * wholeDay, time.Hour}).Draw(r, "idle"),
		Life:     rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, time.Minute, 10 * time.Minute, wholeDay, 30 * wholeDay}).Draw(r, "life"),
	}
	switch rapid.IntRange(0, 2).Draw(r, "mercy") {
	case 1:
		k.Grace = rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Second}).Draw(r, "grace")
		k.Repeats = rapid.Bool().Draw(r, "repeats")
	case 2:
		k.Keys = true
		k.Forgets = rapid.Bool().Draw(r, "forgets")
	}
	if k.Rotation == client.RotationAlways && k.Idle == 0 && rapid.IntRange(0, 2).Draw(r, "stated") == 2 {
		k.Stated = rapid.SampledFrom([]time.Duration{10 * wholeDay, 2 * time.Hour}).Draw(r, "stated for")
	}
	return k
}

var (
	modelOps = []modelOp{
		opReads, opReads, opReads, opReads, opPauses, opPauses, opPauses, opPauses, opPauses, opForces, opForces, opDoor, opDoor, opDoor, opDoor, opDoor,
		opKills, opRestarts, opStorageFails, opStorageFails, opStepsClock, opRightsClock, opEdits, opEdits, opEdits, opRenews, opLooks,
	}
	modelPauses = []time.Duration{
		time.Second, 5 * time.Second, 20 * time.Second, 40 * time.Second, 2 * time.Minute, 5 * time.Minute, 20 * time.Minute, 40 * time.Minute,
		time.Hour, 3 * time.Hour, 12 * time.Hour, 2 * wholeDay, 6 * wholeDay,
	}
	modelDowntimes  = []time.Duration{0, 0, 0, 2 * time.Second, 30 * time.Second, 5 * time.Minute, 40 * time.Minute}
	modelClockSteps = []time.Duration{time.Minute, -time.Minute, time.Hour, -time.Hour, 2 * wholeDay, -2 * wholeDay}
)

func drawStep(r *rapid.T) modelStep {
	s := modelStep{Op: rapid.SampledFrom(modelOps).Draw(r, "op")}
	switch s.Op {
	case opReads:
		s.N = rapid.IntRange(1, 3).Draw(r, "readers")
	case opPauses:
		s.D = rapid.SampledFrom(modelPauses).Draw(r, "pause")
	case opDoor:
		s.N = rapid.SampledFrom([]int{1, 1, 1, 2, 3, 8}).Draw(r, "requests")
		s.Fault = drawFault(r)
		s.D = rapid.SampledFrom(modelDowntimes).Draw(r, "down")
	case opKills:
		s.D = rapid.SampledFrom(modelDowntimes).Draw(r, "down")
	case opStorageFails:
		s.N = rapid.IntRange(0, 14).Draw(r, "which")
		s.After = rapid.Bool().Draw(r, "applied")
		s.D = rapid.SampledFrom(modelDowntimes).Draw(r, "for")
	case opStepsClock:
		s.D = rapid.SampledFrom(modelClockSteps).Draw(r, "step")
	case opEdits:
		s.Edit = modelEdit(rapid.IntRange(0, int(editsInAll)-1).Draw(r, "edit"))
		s.N = rapid.IntRange(0, 11).Draw(r, "value")
		s.During = rapid.IntRange(0, 2).Draw(r, "during") == 2
	case opRenews:
		s.N = rapid.IntRange(0, 1).Draw(r, "how")
		s.During = rapid.Bool().Draw(r, "during")
	}
	return s
}

func drawFault(r *rapid.T) mishap {
	f := mishap{Kind: mishapKind(rapid.IntRange(int(mishapDropped), int(mishapKilled)).Draw(r, "fault"))}
	switch f.Kind {
	case mishapDropped, mishapHangs, mishapKilled:
		f.Processed = rapid.Bool().Draw(r, "processed")
	case mishapRefused:
		f.Status = rapid.SampledFrom([]int{500, 502, 503, 429}).Draw(r, "status")
		f.Processed = f.Status != 429 && rapid.Bool().Draw(r, "processed")
		f.Page = f.Status != 429 && rapid.Bool().Draw(r, "page")
		if f.Status == 503 || f.Status == 429 || rapid.Bool().Draw(r, "says when") {
			f.RetryAfter = rapid.SampledFrom([]int{0, 2, 120}).Draw(r, "retry after")
		}
	case mishapSlow:
		f.Lasts = rapid.SampledFrom([]time.Duration{time.Second, 3 * time.Second}).Draw(r, "lasts")
	case mishapCut:
		f.Cut = rapid.IntRange(0, 99).Draw(r, "percent")
		f.First = rapid.Bool().Draw(r, "first")
	}
	return f
}
