package mount

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// What holds a private key is found in whichever form programs leave it.
func TestAPrivateKeyIsFoundInEveryForm(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	wide := func(text string) (out string) {
		for _, c := range utf16.Encode([]rune(text)) {
			out += string([]byte{byte(c), byte(c >> 8)})
		}
		return out
	}
	for name, value := range map[string]any{
		"PEM": key, "encrypted": strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE"), "PGP": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
		"on one line": strings.ReplaceAll(key, "\n", " "), "as JSON": strings.ReplaceAll(key, "\n", `\n`), "quoted": fmt.Sprintf("%q", key),
		"indented": strings.ReplaceAll(key, "\n", "\n    "), "UTF-16": "\xff\xfe" + wide(key), "UTF-16 of the command line": "\ufffd\ufffd" + wide(key),
		"in a list": []string{"a", key}, "as a name": map[string]string{key: ""}, "as a value": map[string]string{"a": key},
	} {
		if !HoldsKey(value) {
			t.Errorf("%s: not found", name)
		}
	}
	for name, value := range map[string]any{
		"certificate": "-----BEGIN CERTIFICATE-----", "public": "-----BEGIN PUBLIC KEY-----", "words": "a PRIVATE KEY", "nothing": nil, "no text": 7,
	} {
		if HoldsKey(value) {
			t.Errorf("%s: found", name)
		}
	}
}

// A duration has whole seconds, in every form that Vault takes; what is no duration is for the framework to refuse.
func TestDurationsAreWhole(t *testing.T) {
	for raw, want := range map[any]bool{
		"90s": true, "2h": true, "1.5m": true, "10d": true, 3600: true, "3600": true, 90.0: true, "0": true, "1000ms": true,
		"400ms": false, "1.5s": false, "-1s": false, -1: false, "-0.5s": false, "-2d": false,
		"soon": true, "1.5d": true, "": true, 0.5: true, "99999999999999999999": true,
	} {
		if got := isWhole(raw); got != want {
			t.Errorf("%v: %v", raw, got)
		}
	}
}
