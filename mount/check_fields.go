package mount

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	// MaxField and maxRequest bound what one write may store, in bytes. The largest thing that belongs here
	// is a PFX with its chain, about 20 KiB in base64; Vault itself would take 32 MiB.
	MaxField   = 256 << 10
	maxRequest = 512 << 10
	// maxSeconds bounds every duration: ten years, longer than any token or grant is known to live.
	maxSeconds = 10 * 365 * 24 * 3600
)

// FieldForms says how each type of field is written, to follow "must be".
var FieldForms = map[framework.FieldType]string{
	framework.TypeString:           "a single text (a long number in quotes)",
	framework.TypeBool:             "true or false",
	framework.TypeInt64:            "a whole number",
	framework.TypeInt:              "a whole number",
	framework.TypeDurationSecond:   "a duration of 0 or more in whole seconds, such as 90s, 2h or 3600",
	framework.TypeKVPairs:          "key=value, given once for each pair, or a JSON object of texts",
	framework.TypeCommaStringSlice: "a comma-separated list, or a JSON list of texts",
	framework.TypeStringSlice:      "a text, or a JSON list of texts",
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
			return fmt.Errorf("%s is null: leave it out, or write it empty to clear what is stored", field)
		}
		if raw == "" && kind == framework.TypeKVPairs {
			req.Data[field] = map[string]any{} // the command line's way to say none
			continue
		}
		value, ok, err := d.GetOkErr(field)
		if err != nil || !ok || !isPlain(raw, kind) || kind == framework.TypeDurationSecond && !isWhole(raw) {
			return fmt.Errorf("%s must be %s", field, FieldForms[kind])
		}
		if HoldsKey(visible(path.Fields[field], value)) {
			return fmt.Errorf("%s holds a private key, and is shown to people: leave the key out, or write it to the field that is for keys", field)
		}
		if seconds, ok := value.(int); ok && kind == framework.TypeDurationSecond && (seconds < 0 || seconds > maxSeconds) {
			return fmt.Errorf("%s must be at most 10 years", field)
		}
	}
	return nil
}

// isPlain keeps values from being read as what they are not: the framework makes of true the text
// "1", of a list its one member, of null and of nothing a 0.
func isPlain(raw any, kind framework.FieldType) bool {
	switch raw := raw.(type) {
	case bool:
		return kind == framework.TypeBool
	case []any:
		return (kind == framework.TypeKVPairs || kind == framework.TypeCommaStringSlice || kind == framework.TypeStringSlice) && !slices.ContainsFunc(raw, isNoText)
	case map[string]any:
		return kind == framework.TypeKVPairs && !slices.ContainsFunc(slices.Collect(maps.Values(raw)), isNoText)
	}
	switch kind {
	case framework.TypeInt64:
		return !isNoText(raw) && isInteger(raw)
	case framework.TypeString: // of a number some digits may have been lost on the way
		f, number := raw.(float64)
		return !isNoText(raw) && (!number || math.Abs(f) < 1<<53)
	case framework.TypeInt: // of a field that is stored, which an empty text clears
		return raw == "" || !isNoText(raw) && isInteger(raw)
	}
	return !isNoText(raw)
}

// isInteger keeps a number from losing its fraction or its digits. Those of JSON arrive over the plugin's
// connection as floats, which count no further than 2^53.
func isInteger(raw any) bool {
	if f, ok := raw.(float64); ok {
		return f == math.Trunc(f) && math.Abs(f) <= 1<<53
	}
	text := fmt.Sprint(raw)
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == text
}

// visible is what people get to see of a field's value: of what is sensitive, the names of its pairs.
func visible(field *framework.FieldSchema, value any) any {
	if field.DisplayAttrs == nil || !field.DisplayAttrs.Sensitive {
		return value
	}
	pairs, _ := value.(map[string]string)
	return slices.Collect(maps.Keys(pairs))
}

// HoldsKey tells whether a field's value, a text or a list or map of texts, has a private key in PEM (RFC 7468) in it,
// also one between other things.
func HoldsKey(value any) bool {
	switch value := value.(type) {
	case string:
		value = strings.ReplaceAll(value, "\x00", "") // UTF-16, as PowerShell and Notepad write it
		return strings.Contains(value, "PRIVATE KEY-----") || strings.Contains(value, "PRIVATE KEY BLOCK-----")
	case []string:
		return slices.ContainsFunc(value, func(text string) bool { return HoldsKey(text) })
	case map[string]string:
		return HoldsKey(slices.Collect(maps.Keys(value))) || HoldsKey(slices.Collect(maps.Values(value)))
	}
	return false
}

func isNoText(raw any) bool {
	switch raw.(type) {
	case string, json.Number, int, int64, float64:
		return false
	}
	return true
}

// isWhole keeps a duration from losing its fraction, and with it all of 400ms or the sign of -0.5s.
func isWhole(raw any) bool {
	d, err := parseutil.ParseDurationSecond(fmt.Sprint(raw)) // as the framework does
	return err != nil || d >= 0 && d%time.Second == 0
}

func checkSizes(data map[string]any) error {
	total := 0
	for field, raw := range data {
		n := sizeOf(raw)
		if n > MaxField {
			return fmt.Errorf("%s is larger than %d KiB, more than anything that belongs there", field, MaxField>>10)
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
