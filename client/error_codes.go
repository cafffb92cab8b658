package client

import (
	"slices"
	"strings"
)

// errorsFound is what an error answer says of itself, wherever it says it.
type errorsFound struct {
	codes []string // in lower case, in order of occurrence
	texts []string // descriptions, in lower case
}

// known returns the first code of the list. invalid_request gives way to any other: it is what
// servers put next to a more telling code of their own.
func (f errorsFound) known() string {
	vague := ""
	for _, code := range f.codes {
		if code == "invalid_request" {
			vague = code
		} else if _, ok := knownCodes[code]; ok {
			return code
		}
	}
	return vague
}

// permanent tells whether an entry of permanent_errors fits, and which code that is: the entry's
// own, or for "*" the known one.
func (f errorsFound) permanent(entries []string) (code string, ok bool) {
	for _, entry := range entries {
		e := parsePermanentError(strings.ToLower(entry))
		contains := func(text string) bool { return strings.Contains(text, e.text) }
		if e.text != "" && !slices.ContainsFunc(f.texts, contains) {
			continue
		}
		if e.code == "*" && e.text != "" {
			return f.known(), true
		}
		if slices.Contains(f.codes, e.code) {
			return e.code, true
		}
	}
	return "", false
}

// The members that hold codes, descriptions, and further objects with both: RFC 6749; JSON:API
// (Ibanity); Meta (error.code); Fitbit (errors[].errorType); HubSpot (status); Zoom (reason);
// Apigee (fault.detail.errorcode); Laravel (hint, message).
var (
	codeMembers = []string{
		"error", "code", "error_code", "errorCode", "errorcode", "errorType", "error_type", "type", "status", "reason", "message",
	}
	textMembers = []string{
		"error_description", "message", "hint", "error_hint", "description", "detail", "error_message", "title", "reason",
	}
	nestedMembers = []string{"error", "errors", "fault", "detail"}
)

// What is looked at in an error answer is bounded: the errors of a list, how deep they are nested,
// and the bytes of each code and description.
const (
	maxErrors     = 16
	maxErrorDepth = 3
	maxErrorText  = 1024
)

func findErrors(root any) errorsFound {
	var f errorsFound
	f.gather(root, 0)
	return f
}

func (f *errorsFound) gather(value any, depth int) {
	if depth > maxErrorDepth {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, element := range v[:min(len(v), maxErrors)] {
			f.codes = appendText(f.codes, element)
			f.gather(element, depth+1)
		}
	case map[string]any:
		for _, name := range codeMembers {
			f.codes = appendText(f.codes, v[name])
		}
		for _, name := range textMembers {
			f.texts = appendText(f.texts, v[name])
		}
		for _, name := range nestedMembers {
			f.gather(v[name], depth+1)
		}
	}
}

// appendText adds a string or number, cut to maxErrorText and in lower case.
func appendText(list []string, value any) []string {
	text := scalar(value)
	if text == "" {
		return list
	}
	return append(list, strings.ToLower(text[:min(len(text), maxErrorText)]))
}
