package mount

import (
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
)

// Input reads the fields of a write into what is stored. A field that the write does not name
// leaves its destination alone; one that it names as empty, or a PATCH as null, is cleared.
//
// The zero value is a write that names nothing.
type Input struct{ d *framework.FieldData }

// ReadInput is the input of a write.
func ReadInput(d *framework.FieldData) Input { return Input{d} }

// Names tells whether the write names the field.
func (in Input) Names(field string) bool {
	if in.d == nil {
		return false
	}
	_, ok := in.d.Raw[field]
	return ok
}

// Value is what the write says, or the field's default where it says nothing: for lease, false
// would be another thing.
func (in Input) Value(field string) any {
	if raw := in.d.Raw[field]; raw == nil || raw == "" {
		return in.d.GetDefaultOrZero(field)
	}
	return in.d.Get(field)
}

// Text reads a text.
func (in Input) Text(field string, into *string) {
	if in.Names(field) {
		*into, _ = in.Value(field).(string)
	}
}

// Boolean reads true or false.
func (in Input) Boolean(field string, into *bool) {
	if in.Names(field) {
		*into, _ = in.Value(field).(bool)
	}
}

// Duration reads a duration, which the framework has in seconds.
func (in Input) Duration(field string, into *time.Duration) {
	if in.Names(field) {
		seconds, _ := in.Value(field).(int)
		*into = time.Duration(seconds) * time.Second
	}
}

// Date reads a day, which begins in UTC, or a time of RFC 3339.
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
	return Refusal(field + " must be a date such as 2027-03-01, or a time such as 2027-03-01T08:00:00Z")
}

// List reads a list of texts.
func (in Input) List(field string, into *[]string) {
	if in.Names(field) {
		*into, _ = in.Value(field).([]string)
	}
}

// Pairs reads a map of texts.
func (in Input) Pairs(field string, into *map[string]string) {
	if in.Names(field) {
		*into, _ = in.Value(field).(map[string]string)
	}
}
