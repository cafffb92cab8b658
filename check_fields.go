package oauthrefresh

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	// maxField and maxRequest bound what one write may store. The largest thing that belongs here
	// is a PFX with its chain, about 20 KiB in base64; Vault itself would take 32 MiB.
	maxField   = 256 << 10
	maxRequest = 512 << 10
	// maxSeconds bounds every duration: ten years, longer than any token or grant is known to live.
	maxSeconds = 10 * 365 * 24 * 3600
)

// fieldForms says how each type of field is written.
var fieldForms = map[framework.FieldType]string{
	framework.TypeString:           "a single text",
	framework.TypeBool:             "true or false",
	framework.TypeInt64:            "a whole number",
	framework.TypeDurationSecond:   "a duration of 0 or more, such as 90s, 2h or a number of seconds",
	framework.TypeKVPairs:          "key=value, given once for each pair, or a JSON object of texts",
	framework.TypeCommaStringSlice: "a comma-separated list, or a JSON list of texts",
}

// checkFields refuses values that do not fit their fields, without repeating them.
func checkFields(path *framework.Path, req *logical.Request) error {
	if err := checkSizes(req.Data); err != nil {
		return err
	}
	d := framework.FieldData{Raw: req.Data, Schema: path.Fields}
	for field, raw := range req.Data {
		kind := path.Fields[field].Type
		if raw == nil {
			if req.Operation == logical.PatchOperation {
				continue // clears the field, RFC 7396
			}
			return fmt.Errorf("%s is null: leave it out to keep what is stored, or write it empty to clear it", field)
		}
		if raw == "" && kind == framework.TypeKVPairs {
			req.Data[field] = map[string]any{} // the command line's way to say none
			continue
		}
		value, ok, err := d.GetOkErr(field)
		if err != nil || !ok || kind == framework.TypeString && !isScalar(raw) {
			return fmt.Errorf("%s must be %s", field, fieldForms[kind])
		}
		if seconds, ok := value.(int); ok && kind == framework.TypeDurationSecond && (seconds < 0 || seconds > maxSeconds) {
			return fmt.Errorf("%s must be at most 10 years", field)
		}
	}
	return nil
}

// isScalar keeps a list or an object from being read as a text with brackets in it, and true from
// being read as "1".
func isScalar(raw any) bool {
	switch raw.(type) {
	case string, json.Number, int, int64, float64:
		return true
	}
	return false
}

func checkSizes(data map[string]any) error {
	total := 0
	for field, raw := range data {
		n := sizeOf(raw)
		if n > maxField {
			return fmt.Errorf("%s is larger than %d KiB, more than anything that belongs there", field, maxField>>10)
		}
		if total += n; total > maxRequest {
			return fmt.Errorf("the fields are together larger than %d KiB, more than belongs here", maxRequest>>10)
		}
	}
	return nil
}

// sizeOf adds up the texts in a JSON value.
func sizeOf(raw any) (n int) {
	switch raw := raw.(type) {
	case string:
		return len(raw)
	case json.Number:
		return len(raw)
	case []any:
		for _, member := range raw {
			n += 1 + sizeOf(member)
		}
	case []string:
		for _, member := range raw {
			n += 1 + len(member)
		}
	case map[string]any:
		for name, member := range raw {
			n += len(name) + sizeOf(member)
		}
	case map[string]string:
		for name, member := range raw {
			n += len(name) + len(member)
		}
	}
	return n
}
