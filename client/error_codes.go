package client

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// errorsFound is what an error answer says of itself, wherever it says it.
type errorsFound struct {
	codes []string // in lower case, in order of occurrence
	named []string // those of them that stand where only codes do, or look like nothing else
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
// own, or for "*" the known one. A status among the entries fits an answer of the endpoint's own with that status
// and without any code, which bare tells; such an entry names no code.
func (f errorsFound) permanent(entries []string, status int, bare bool) (code string, ok bool) {
	for _, entry := range entries {
		e := parsePermanentError(strings.ToLower(entry))
		contains := func(text string) bool { return strings.Contains(text, e.text) }
		if e.text != "" && !slices.ContainsFunc(f.texts, contains) {
			continue
		}
		codes := f.codes
		if e.isStatus() {
			codes = f.ownCodes(status)
		}
		switch {
		case e.code == "*" && e.text != "":
			return f.known(), true
		case bare && e.code == strconv.Itoa(status):
			return "", true
		case slices.Contains(codes, e.code):
			return e.code, true
		}
	}
	return "", false
}

// The members that hold codes, descriptions, and further objects with both: RFC 6749; JSON:API
// (Ibanity); Meta (error.code); Fitbit (errors[].errorType); HubSpot (status); Zoom (reason);
// Apigee (fault.detail.errorcode); Laravel (hint, message); WeChat (errcode, errmsg); Strava (errors[].field
// and resource). What holds a code in one server's answer is a word for people in another's: looseMembers.
var (
	codeMembers  = []string{"error", "code", "error_code", "errorCode", "errorcode", "errcode", "errorType", "error_type", "type"}
	looseMembers = []string{"status", "reason", "message", "msg", "errmsg"}
	textMembers  = []string{
		"error_description", "message", "msg", "errmsg", "hint", "error_hint", "description", "detail", "error_message", "title", "reason",
		"field", "resource",
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
			f.addCode(element, true)
			f.gather(element, depth+1)
		}
	case map[string]any:
		for _, name := range codeMembers {
			f.addCode(v[name], true)
		}
		for _, name := range looseMembers {
			f.addCode(v[name], false)
		}
		for _, name := range textMembers {
			f.texts = appendText(f.texts, v[name])
		}
		for _, name := range nestedMembers {
			f.gather(v[name], depth+1)
		}
	}
}

// addCode adds a text that may be a code. It counts as one where only codes stand, or when it is written like
// one: BAD_REFRESH_TOKEN.
func (f *errorsFound) addCode(value any, only bool) {
	f.codes = appendText(f.codes, value)
	if text := strings.ToLower(scalar(value)); codeLike.MatchString(text) && (only || strings.Contains(text, "_")) {
		f.named = append(f.named, text)
	}
}

// codeLike is what a code looks like, and no sentence does.
var codeLike = regexp.MustCompile(`^[a-z0-9_.-]{1,64}$`)

// ownCodes are the codes of an answer with this status that say more than the status, and that it is an error.
func (f errorsFound) ownCodes(status int) []string {
	return slices.DeleteFunc(slices.Clone(f.named), func(code string) bool {
		return code == strconv.Itoa(status) || !isTelling(code) || slices.Contains([]string{"error", "fail", "failed", "failure"}, code)
	})
}

// appendText adds a string or number, cut to maxErrorText and in lower case.
func appendText(list []string, value any) []string {
	text := scalar(value)
	if text == "" {
		return list
	}
	return append(list, strings.ToLower(text[:min(len(text), maxErrorText)]))
}
