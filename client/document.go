package client

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// maxDepth bounds the nesting of an answer; a body of a million brackets must not cost a million
// stack frames.
const maxDepth = 64

// document is an answer's body as far as it can be understood.
type document struct {
	root  any  // map[string]any in all useful cases; nil when nothing could be read
	whole bool // nothing is missing at the end
	raw   []byte
}

// parseDocument goes by the body and not by its Content-Type: JSON arrives as text/plain, text/html
// and application/vnd.api+json, and some servers answer with a form (GitHub does by default). A
// body that breaks off gives what stands before the break.
func parseDocument(body []byte, cut bool) document {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	d := document{raw: body}
	switch {
	case len(text) == 0:
	case text[0] == '{' || text[0] == '[':
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber() // 1e400 and 20-digit ids survive
		d.root, d.whole = decodePartial(dec, len(text), 0)
	case bytes.IndexByte(text, '=') > 0 && !bytes.ContainsAny(text, "<> \t\r\n"):
		d.root, d.whole = parseForm(string(text), cut), !cut
	}
	return d
}

// decodePartial reads one JSON value and whether it was complete. An object or list that breaks
// off keeps its complete members; a string or number that breaks off is dropped, since half a
// token is worse than none.
func decodePartial(dec *json.Decoder, size, depth int) (value any, whole bool) {
	token, err := dec.Token()
	if err != nil || depth > maxDepth {
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(dec, size, depth)
	case json.Delim('['):
		var list []any
		for dec.More() {
			element, ok := decodePartial(dec, size, depth+1)
			if !ok {
				return list, false
			}
			list = append(list, element)
		}
		_, err := dec.Token()
		return list, err == nil
	}
	if _, number := token.(json.Number); number && int(dec.InputOffset()) >= size {
		return nil, false // more digits may have followed
	}
	return token, true
}

func decodeObject(dec *json.Decoder, size, depth int) (value any, whole bool) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return object, false
		}
		member, whole := decodePartial(dec, size, depth+1)
		if whole || member != nil {
			object[name] = member
		}
		if !whole {
			return object, false
		}
	}
	_, err := dec.Token()
	return object, err == nil
}

// parseForm reads a form. In one that was cut, the last pair may be half of itself and is dropped.
func parseForm(text string, cut bool) any {
	if cut {
		text = text[:max(strings.LastIndexByte(text, '&'), 0)]
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	object := map[string]any{}
	for name := range values {
		object[name] = values.Get(name)
	}
	return object
}

// text returns the string at the pointer, "" when there is none. Numbers count, since servers
// have sent numeric refresh tokens and token types; null, objects and blanks do not.
func (d document) text(pointer string) string { return scalar(lookup(d.root, pointer)) }

func scalar(value any) string {
	switch v := value.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return ""
		}
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
