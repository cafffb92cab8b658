package oauth

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
	reply   Reply
}

// once answers a request, or gives again the answer that its idempotency key already got. "Several requests
// with the same idempotency key will be executed only once."
func (l *Ledger) once(c *Call) Reply {
	if l.IdempotencyKey == "" || c.Req.Header.Get(l.IdempotencyKey) == "" {
		return l.answer(c)
	}
	key := c.Req.Header.Get(l.IdempotencyKey)
	sum := sha256.Sum256([]byte(c.Req.Header.Get("Authorization") + "\n" + string(c.body)))
	if had, ok := l.stored[key]; ok && c.now.Before(had.at.Add(idempotencyAge)) {
		if had.request != sum {
			out := c.Refused(c, Refuse(BadHeader, "this "+l.IdempotencyKey+" was used with another request"))
			out.Status, out.Refusal = http.StatusConflict, "idempotency key used with another request"
			return out
		}
		l.counts.Resends++
		out := had.reply
		out.Resent = true
		return out
	}
	out := l.answer(c)
	if c.Check(c) == nil { // an answer of the gateway itself, about the headers, is not kept
		l.stored[key] = stored{request: sum, at: c.now, reply: out}
	}
	return out
}
