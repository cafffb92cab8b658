package client

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// maxDepth bounds the nesting of an answer; a body of a million brackets must not cost a million
// stack frames.
const maxDepth = 64

// document is an answer's body as far as it can be understood.
type document struct {
	root  any  // map[string]any in all useful cases; nil when nothing could be read
	whole bool // nothing is missing at the end
	cut   bool // the body broke off
	text  []byte
	loose []byte   // the part of text in which no structure was found
	found []Found  // what stands under a refresh token's name, in order, the same value perhaps several times
	kept  []string // what no reader may get, being of a refresh token's name or nearly
	// complaint is a sentence that stands in the place of the access token.
	complaint string
}

// parseDocument goes by the body and not by its Content-Type: JSON arrives as text/plain, text/html
// and application/vnd.api+json, and some servers answer with a form (GitHub does by default). A
// body that breaks off gives what stands before the break.
func parseDocument(body []byte, cut bool) document {
	text, cut := unpack(body, cut)
	if inner, ok := textInQuotes(text); ok {
		text = inner
	}
	d := document{text: text, cut: cut}
	switch {
	case len(text) == 0:
	case text[0] == '{' || text[0] == '[':
		d.readJSON()
	case formBegins.Match(text):
		d.readForm()
	default:
		d.loose = text
	}
	return d
}

// isPage tells whether the body is HTML or XML, which no token endpoint answers with.
func (d document) isPage() bool { return bytes.HasPrefix(d.text, []byte("<")) }

// maxDocuments bounds how many JSON documents are read of one answer.
const maxDocuments = 8

// isObject tells whether the body is one complete JSON object.
func (d document) isObject() bool {
	_, object := d.root.(map[string]any)
	return d.whole && object && bytes.HasPrefix(d.text, []byte("{"))
}

// readJSON reads the document. What follows it is of no meaning, but may hold the refresh token: servers have
// put a line for debugging in front.
func (d *document) readJSON() {
	rest := d.text
	for i := range maxDocuments {
		r := newReader(rest, d)
		r.nameless = i > 0
		root, whole := r.value(0, notRefresh)
		if i == 0 {
			d.root, d.whole = root, whole
		}
		if !whole {
			break
		}
		rest = bytes.TrimSpace(rest[r.dec.InputOffset():])
		if len(rest) == 0 || rest[0] != '{' && rest[0] != '[' {
			break
		}
	}
	d.loose = rest
}

// reader reads one JSON value and notes what stands under the name of a refresh token.
type reader struct {
	dec      *json.Decoder
	size     int
	path     []string // to the value that is read, from the document's root
	nameless bool     // no pointer from the answer's root leads here
	inner    int      // how many JSON texts this one stands in
	notes    *document
}

func newReader(text []byte, notes *document) *reader {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 1e400 and 20-digit ids survive
	return &reader{dec: dec, size: len(text), notes: notes}
}

// value reads one JSON value and whether it was complete. An object or list that breaks
// off keeps its complete members; a string or number that breaks off is dropped, since half a
// token is worse than none.
func (r *reader) value(depth int, as meaning) (value any, whole bool) {
	token, err := r.dec.Token()
	if err != nil || depth > maxDepth {
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		return r.object(depth, as)
	case json.Delim('['):
		return r.list(depth, as)
	}
	if _, number := token.(json.Number); number && int(r.dec.InputOffset()) >= r.size {
		return nil, false // more digits may have followed
	}
	r.note(token, as)
	return token, true
}

func (r *reader) list(depth int, as meaning) (value any, whole bool) {
	var list []any
	for r.dec.More() {
		r.path = append(r.path, index(len(list)))
		element, ok := r.value(depth+1, as)
		r.path = r.path[:len(r.path)-1]
		if !ok {
			return list, false
		}
		list = append(list, element)
	}
	_, err := r.dec.Token()
	return list, err == nil
}

func (r *reader) object(depth int, as meaning) (value any, whole bool) {
	object := map[string]any{}
	for r.dec.More() {
		token, err := r.dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return object, false
		}
		r.path = append(r.path, name)
		member, whole := r.value(depth+1, as.of(name))
		r.path = r.path[:len(r.path)-1]
		if whole || member != nil {
			object[name] = member
		}
		if !whole {
			return object, false
		}
	}
	_, err := r.dec.Token()
	return object, err == nil
}

// maxInner bounds how deep JSON texts stand in JSON texts: a proxy that wraps what it got, twice.
const maxInner = 2

// note keeps a value by what its name means, and looks into one that is a document itself.
func (r *reader) note(value any, as meaning) {
	pointer := ""
	if as != notRefresh && !r.nameless {
		pointer = pointerOf(r.path)
	}
	r.notes.note(scalar(value), as, pointer)
	text, _ := value.(string)
	if text = strings.TrimSpace(text); r.inner >= maxInner || len(text) < 2 {
		return
	}
	if text[0] == '{' || text[0] == '[' {
		inner := newReader([]byte(text), r.notes)
		inner.nameless, inner.inner = true, r.inner+1
		inner.value(0, notRefresh)
	} else if strings.Contains(text, "&") && formBegins.MatchString(text) {
		r.notes.noteForm(text)
	}
}

// formBegins finds a form, by the name of its first pair.
var formBegins = regexp.MustCompile(`^[\w.~$%+\[\]-]+=`)

// pairEnds finds what servers put between pairs in the place of '&'. A ';' in a value is none.
var pairEnds = regexp.MustCompile(`;([\w.-]+=)|\s*[\r\n]+\s*`)

// readForm reads a form. In one that was cut, the last pair may be half of itself and is dropped.
func (d *document) readForm() {
	text := string(d.text)
	if d.cut {
		text = text[:max(strings.LastIndexByte(text, '&'), 0)]
	}
	d.root, d.whole = d.noteForm(text), !d.cut
}

// noteForm reads the pairs that can be read, each for itself. One that can't is dropped, but a refresh token's
// is taken as it stands: it can't be had again, and what is odd about it may be the token's own.
func (d *document) noteForm(text string) map[string]any {
	object := map[string]any{}
	for _, pair := range strings.Split(pairEnds.ReplaceAllString(text, "&$1"), "&") {
		values, err := url.ParseQuery(pair)
		for name := range values {
			if _, twice := object[name]; !twice {
				object[name] = values.Get(name)
			}
			d.note(scalar(values.Get(name)), notRefresh.of(name), pointerOf([]string{name}))
		}
		if name, value, _ := strings.Cut(pair, "="); err != nil {
			d.note(scalar(unescape(value)), notRefresh.of(name), "")
		}
	}
	return object
}

var escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// unescape undoes what can be undone.
func unescape(value string) string {
	return escaped.ReplaceAllStringFunc(value, func(e string) string {
		plain, _ := url.PathUnescape(e)
		return plain
	})
}

// textAt returns the string at the pointer, "" when there is none. Numbers count, since servers
// have sent numeric refresh tokens and token types; null, objects and blanks do not.
func (d document) textAt(pointer string) string { return scalar(lookup(d.root, pointer)) }

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
