package client

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-openapi/jsonpointer"
)

func (p *Provider) validatePointers() error {
	for _, f := range []struct{ field, pointer string }{
		{"access_token_pointer", p.AccessTokenPointer},
		{"refresh_token_pointer", p.RefreshTokenPointer},
		{"expires_in_pointer", p.ExpiresInPointer},
		{"refresh_token_expires_in_pointer", p.RefreshTokenExpiresInPointer},
		{"grant_expires_at_pointer", p.GrantExpiresAtPointer},
	} {
		if !validPointer(f.pointer) {
			return fmt.Errorf(`%s must be a JSON Pointer (RFC 6901), such as "/data/access_token"`, f.field)
		}
	}
	access := cmp.Or(p.AccessTokenPointer, defaultAccessTokenPointer)
	if lastToken(access) == "refresh_token" || access == cmp.Or(p.RefreshTokenPointer, defaultRefreshTokenPointer) {
		return errors.New("access_token_pointer must not name the refresh token: it never leaves the engine")
	}
	return nil
}

// badEscape finds a '~' that starts none of the two escapes of RFC 6901 section 3.
var badEscape = regexp.MustCompile(`~([^01]|$)`)

// validPointer accepts "" too: it means the default, never the whole document.
func validPointer(pointer string) bool {
	_, err := jsonpointer.New(pointer)
	return err == nil && len(pointer) <= maxText && utf8.ValidString(pointer) && !badEscape.MatchString(pointer)
}

// lookup returns what is at the pointer, nil when there is nothing. An empty pointer finds
// nothing: no definition means the whole answer.
func lookup(doc any, pointer string) any {
	parsed, err := jsonpointer.New(pointer)
	if err != nil || parsed.IsEmpty() {
		return nil
	}
	value, _, err := parsed.Get(doc)
	if err != nil {
		return nil
	}
	return value
}

// lastToken is the unescaped member name at the end of a pointer.
func lastToken(pointer string) string {
	parsed, err := jsonpointer.New(pointer)
	if err != nil || parsed.IsEmpty() {
		return ""
	}
	tokens := parsed.DecodedTokens()
	return tokens[len(tokens)-1]
}

// extraField splits an entry of extra_fields, a member's name or a pointer, into the name that
// it is handed on under and where it is.
func extraField(entry string) (name, pointer string) {
	if strings.HasPrefix(entry, "/") {
		return lastToken(entry), entry
	}
	return entry, "/" + jsonpointer.Escape(entry)
}

// handedOn are the names of an answer that extra_fields can't take: they are handed on anyway.
var handedOn = []string{"access_token", "token_type", "scope"}

// validateExtraFields keeps the refresh token where it is: neither its own member nor one that
// encloses it can be handed on, and no member under the name that refresh tokens go by.
func (p *Provider) validateExtraFields() error {
	secret := cmp.Or(p.RefreshTokenPointer, defaultRefreshTokenPointer)
	seen := map[string]bool{}
	for _, entry := range p.ExtraFields {
		name, pointer := extraField(entry)
		switch {
		case name == "" || !validPointer(pointer):
			return errors.New(`extra_fields takes names of members of the answer, or JSON Pointers such as "/team/id"`)
		case slices.Contains(handedOn, name):
			return errors.New("extra_fields must not name access_token, token_type or scope: they are handed on anyway")
		case name == "refresh_token" || strings.HasPrefix(secret+"/", pointer+"/"):
			return errors.New("extra_fields must not name the refresh token or an object that holds it: it never leaves the engine")
		case seen[name]:
			return errors.New("extra_fields names a field twice; a pointer's last part is its name")
		}
		seen[name] = true
	}
	return nil
}
