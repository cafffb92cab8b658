package client

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-openapi/jsonpointer"
)

// Found is something in an answer that looks like a refresh token.
type Found struct {
	Token Secret
	// Pointer is the JSON Pointer (RFC 6901) of the place, for refresh_token_pointer; "" when none can name it.
	Pointer string

	named bool // its name is refresh_token, in any spelling
}

// FoundBroken stands for a place that no pointer can name: in a document that is broken, in a second one, in a
// JSON text within JSON.
const FoundBroken = "(no pointer: the answer is not plain JSON)"

// maxFound bounds the candidates of one answer, which are all stored.
const maxFound = 8

// meaning is what a member's name says of its value.
type meaning int

const (
	notRefresh  meaning = iota
	nearRefresh         // a name that a refresh token may have: no reader gets its value
	likeRefresh         // one that holds the words: x_refresh_token
	isRefresh           // refresh_token in any spelling
)

// maxNoted bounds what is noted of one answer.
const maxNoted = 256

// of is the meaning of a member's name, in a value of the meaning m: what refresh_token holds may be an object
// around the token.
func (m meaning) of(name string) meaning {
	if len(name) > maxText {
		return notRefresh
	}
	switch plain := plainName(name); {
	case plain == "refreshtoken":
		return isRefresh
	case strings.HasSuffix(plain, "refreshtoken") && slices.ContainsFunc(bygone, func(word string) bool { return strings.HasPrefix(plain, word) }):
		return nearRefresh
	case strings.HasSuffix(plain, "refreshtoken") || m == nearRefresh && plain == "token":
		return likeRefresh
	case plain == "refresh" || plain == "rt":
		return max(m, nearRefresh)
	case plain == "value" || plain == "token":
		return m
	}
	return notRefresh
}

// bygone begin the names of refresh tokens that are no next ones, as old_refresh_token and parentRefreshToken.
var bygone = []string{"old", "prev", "former", "last", "parent", "original", "revoked", "expired", "used", "spent"}

// plainName is a name without case and punctuation: refreshToken, Refresh_Token and refresh-token are one.
func plainName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			return c
		}
		return -1
	}, name)
}

// words are what servers write for "none".
var words = []string{"null", "nil", "none", "undefined", "true", "false", "yes", "no", "n/a", "0"}

func isWord(text string) bool {
	return slices.Contains(words, strings.ToLower(strings.TrimSpace(text)))
}

var letterOrDigit = regexp.MustCompile(`[A-Za-z0-9]`)

// note keeps a value by what its name means.
func (d *document) note(text string, as meaning, pointer string) {
	if as == notRefresh || text == "" || isWord(text) || as < isRefresh && len(text) < minKey || len(d.kept) >= maxNoted {
		return
	}
	d.kept = append(d.kept, text)
	if as > nearRefresh && len(text) <= maxToken && isVisible(text) && letterOrDigit.MatchString(text) {
		d.found = append(d.found, Found{Token: NewSecret(text), Pointer: pointer, named: as == isRefresh})
	}
}

func index(i int) string { return strconv.Itoa(i) }

func pointerOf(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString("/" + jsonpointer.Escape(name))
	}
	return b.String()
}

// refreshToken is what an answer holds of the next refresh token.
type refreshToken struct {
	next       Secret
	at         string // where it was found, "" for where the definition looks
	candidates []Found
}

// isNew tells whether it has to be kept: another one than was sent.
func (t refreshToken) isNew(sent Secret) bool { return t.next.IsSet() && !t.next.Equal(sent) }

// refreshToken looks where the definition says, and everywhere else when there is none: a server that has
// begun to wrap its answers, or a definition that is wrong, must not cost the grant. usable tells that the
// definition has found an access token. Without one, a refresh token that is the one sent may stand in a
// copy of the request.
func (d document) refreshToken(r *Request, usable bool) refreshToken {
	pointer := cmp.Or(r.Provider.RefreshTokenPointer, defaultRefreshTokenPointer)
	next := boundedSecret(d.textAt(pointer))
	if next.IsSet() && (usable || !next.Equal(r.RefreshToken)) {
		return refreshToken{next: next, candidates: d.besides(r, next, pointer)}
	}
	others := d.elsewhere(r, d.salvage(pointer))
	switch len(others) {
	case 0:
		return refreshToken{next: next}
	case 1:
		return refreshToken{next: others[0].Token, at: cmp.Or(others[0].Pointer, FoundBroken)}
	}
	return refreshToken{candidates: others}
}

// besides lists what a definition's own pointer has found, and what stands under a refresh token's name apart from
// it; nil when nothing does. The pointer counts, but it may be wrong: what it does not name is kept.
func (d document) besides(r *Request, next Secret, pointer string) []Found {
	if pointer == defaultRefreshTokenPointer {
		return nil
	}
	others := slices.DeleteFunc(d.elsewhere(r, nil), func(f Found) bool { return !f.named || f.Token.Equal(next) })
	if len(others) == 0 {
		return nil
	}
	return append([]Found{{Token: next, Pointer: pointer}}, others...)
}

// elsewhere lists the distinct values under a refresh token's name that are not what was sent, each with a
// pointer that finds it, if there is one that can be shown.
func (d document) elsewhere(r *Request, salvaged []Found) []Found {
	var out []Found
	size, secrets := 0, longSecrets(d.secrets(r))
	for _, f := range append(slices.Clone(d.found), salvaged...) {
		if f.Token.Equal(r.RefreshToken) {
			continue
		}
		if !isShown(f.Pointer) || d.textAt(f.Pointer) != f.Token.Reveal() || containsAny(f.Pointer, secrets) {
			f.Pointer = ""
		}
		same := func(have Found) bool { return have.Token.Equal(f.Token) }
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Pointer = cmp.Or(out[i].Pointer, f.Pointer)
			continue
		}
		if size += len(f.Token.Reveal()); len(out) < maxFound && size <= 2*maxToken {
			out = append(out, f)
		}
	}
	return out
}

// isShown tells whether a pointer that names members of an answer can be shown and written by people.
func isShown(pointer string) bool {
	return pointer != "" && len(pointer) <= maxText/4 && isVisible(pointer) && validPointer(pointer)
}

// boundedSecret leaves out what can't be a token by its size, or says that there is none.
func boundedSecret(value string) Secret {
	if len(value) > maxToken || isWord(value) {
		return Secret{}
	}
	return NewSecret(value)
}
