package client

import (
	"strings"
	"unicode"
)

// maxAccount bounds an account's name in characters: an address has 254 at most, and a page must hold it.
const maxAccount = 256

// AccountIn returns the name of an account that stands in a document at a JSON Pointer (RFC 6901): a text or a number,
// fit to be shown to people. "" when there is nothing of the kind. The document is as encoding/json decodes one with
// UseNumber, as the claims of VerifyIDToken are.
func AccountIn(document any, pointer string) string {
	return shownName(scalar(lookup(document, pointer)))
}

// shownName is a text as people may see it: its first characters, without those that are invisible or change the
// order of others, by which one name could look like another.
func shownName(text string) string {
	text = text[:min(len(text), 16*maxAccount)]
	visible := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || c == '\u2800' || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, text)
	if all := []rune(visible); len(all) > maxAccount {
		visible = string(all[:maxAccount])
	}
	return strings.TrimSpace(visible)
}

// account is the name of the account in a token answer, "" when there is none, or when it is or holds a secret.
func (r *Request) account(doc document, secrets ...string) string {
	if r.AccountPointer == "" || inRefreshMember(r.AccountPointer) || isOrHolds(doc.textAt(r.AccountPointer), secrets) {
		return ""
	}
	name := AccountIn(doc.root, r.AccountPointer)
	if isOrHolds(name, secrets) {
		return ""
	}
	return name
}
