package oauthrefresh

import (
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
)

// input reads the fields of a write into what is stored. A field that the write does not name
// leaves its destination alone; one that it names as empty, or a PATCH as null, is cleared.
type input struct{ *framework.FieldData }

// readInput is the input of a write.
func readInput(d *framework.FieldData) input { return input{d} }

// names tells whether the write names the field.
func (in input) names(field string) bool {
	_, ok := in.Raw[field]
	return ok
}

// value is what the write says, or the field's default where it says nothing: for lease, false
// would be another thing.
func (in input) value(field string) any {
	if raw := in.Raw[field]; raw == nil || raw == "" {
		return in.GetDefaultOrZero(field)
	}
	return in.Get(field)
}

func (in input) text(field string, into *string) {
	if in.names(field) {
		*into, _ = in.value(field).(string)
	}
}

func (in input) boolean(field string, into *bool) {
	if in.names(field) {
		*into, _ = in.value(field).(bool)
	}
}

func (in input) duration(field string, into *time.Duration) {
	if in.names(field) {
		seconds, _ := in.value(field).(int)
		*into = time.Duration(seconds) * time.Second
	}
}

// date reads a day, which begins in UTC, or a time of RFC 3339.
func (in input) date(field string, into *time.Time) error {
	if !in.names(field) {
		return nil
	}
	text, _ := in.value(field).(string)
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
	return refusal(field + " must be a date such as 2027-03-01, or a time such as 2027-03-01T08:00:00Z")
}

func (in input) list(field string, into *[]string) {
	if in.names(field) {
		*into, _ = in.value(field).([]string)
	}
}

func (in input) pairs(field string, into *map[string]string) {
	if in.names(field) {
		*into, _ = in.value(field).(map[string]string)
	}
}
