package main

import (
	"crypto/sha256"
	"net/http"
	"time"
)

// idempotencyAge is how long an answer is kept under its key. Ibanity documents no figure; half an hour is
// the shortest that comparable banking APIs keep.
const idempotencyAge = 30 * time.Minute

// stored is an answer that was given under an idempotency key.
type stored struct {
	request [sha256.Size]byte
	at      time.Time
	reply   reply
}

// once answers a request, or gives again the answer that its idempotency key already got. "Several requests
// with the same idempotency key will be executed only once."
func (l *ledger) once(c *call) reply {
	if l.idempotencyKey == "" || c.req.Header.Get(l.idempotencyKey) == "" {
		return l.answer(c)
	}
	key := c.req.Header.Get(l.idempotencyKey)
	sum := sha256.Sum256([]byte(c.req.Header.Get("Authorization") + "\n" + string(c.body)))
	if had, ok := l.stored[key]; ok && c.now.Before(had.at.Add(idempotencyAge)) {
		if had.request != sum {
			out := c.refused(c, refuse(badHeader, "this "+l.idempotencyKey+" was used with another request"))
			out.status, out.refusal = http.StatusConflict, "idempotency key used with another request"
			return out
		}
		l.stats.Resends++
		out := had.reply
		out.resent = true
		return out
	}
	out := l.answer(c)
	if c.check(c) == nil { // an answer of the gateway itself, about the headers, is not kept
		l.stored[key] = stored{request: sum, at: c.now, reply: out}
	}
	return out
}
