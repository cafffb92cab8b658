package mount

import (
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
)

// Input is what a write says. A field that it does not name stays as it is; one that it names as empty, or a PATCH as
// null (RFC 7396), is cleared.
//
// The zero value is a write that names nothing.
type Input struct{ d *framework.FieldData }

// ReadInput is the input of a write.
func ReadInput(d *framework.FieldData) Input { return Input{d} }

// Names tells whether the write names the field.
func (in Input) Names(field string) bool {
	_, ok := in.raw()[field]
	return ok
}

func (in Input) raw() map[string]any {
	if in.d == nil {
		return nil
	}
	return in.d.Raw
}

// NamesOnly tells whether the write names the field and no other.
func (in Input) NamesOnly(field string) bool {
	for named := range in.raw() {
		if named != field && named != "name" { // which the path gives
			return false
		}
	}
	return in.Names(field)
}

// Value is what the write says, in the framework's type for the field, or the field's default where it names it as empty
// or not at all: for lease, false would be another thing.
func (in Input) Value(field string) any {
	if raw := in.d.Raw[field]; raw == nil || raw == "" {
		return in.d.GetDefaultOrZero(field)
	}
	return in.d.Get(field)
}

// Numbers between these are Unix times, of 1973 to 9999. A date without its dashes is less.
const firstUnixSecond, lastUnixSecond = 100_000_000, 253_402_300_799

// Date reads a day, which begins in UTC, a time of RFC 3339 or a Unix time in seconds. Anything else is a refusal.
func (in Input) Date(field string, into *time.Time) error {
	if !in.Names(field) {
		return nil
	}
	text, _ := in.Value(field).(string)
	if text = strings.TrimSpace(text); text == "" {
		*into = time.Time{}
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			*into = at.UTC()
			return nil
		}
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= firstUnixSecond && seconds <= lastUnixSecond {
		*into = time.Unix(seconds, 0).UTC()
		return nil
	}
	return Refusal(field + " must be a date such as 2027-03-01, a time such as 2027-03-01T08:00:00Z, or a Unix time in seconds")
}
