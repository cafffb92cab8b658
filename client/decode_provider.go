package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// DecodeProvider reads one definition, a JSON object, strictly: a field that there is none of, a key that stands twice and
// anything after the object are errors, which may quote what was read. Defaults are not filled in, and nothing is
// validated (see Provider.SetDefaults and Provider.Validate).
//
// encoding/json alone would ignore a misspelt
// field, let the second of two equal keys win, and match names in any case; each of these turns
// a typo in a file that decides where secrets go into silence.
func DecodeProvider(data []byte) (*Provider, error) {
	if err := checkKeys(json.NewDecoder(bytes.NewReader(data))); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	p := new(Provider)
	if err := dec.Decode(p); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the definition's closing brace")
	}
	return p, nil
}

// checkKeys refuses a key that an object names twice, and one that is not in lower case at the
// top level, where all names are.
func checkKeys(dec *json.Decoder) error {
	var open []map[string]bool // the keys seen in each object that is open, nil for an array
	key := false               // whether the next string is a key
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if key {
				if err := addKey(open, token.(string)); err != nil {
					return err
				}
				key = false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
}

// addKey records a key of the innermost object.
func addKey(open []map[string]bool, name string) error {
	seen := open[len(open)-1]
	if seen[name] {
		return fmt.Errorf("the key %q is there twice", name)
	}
	if len(open) == 1 && name != strings.ToLower(name) {
		return fmt.Errorf("unknown field %q", name)
	}
	seen[name] = true
	return nil
}
