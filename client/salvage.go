package client

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
)

// quotedValue is one complete string in double or single quotes, or in double quotes that are escaped.
const quotedValue = `(?:("(?:[^"\\]|\\.)*")|'([^'\\]*)'|\\+"([^"\\]*)\\+")`

// How a refresh token is written where there is no document around it any more: behind a syntax error, inside
// a warning of the server's script language, in XML. The value must be complete: half a token is worse than
// none.
var (
	looseMember  = regexp.MustCompile(`(?i)([\w.-]*refresh[_-]?token)(?:\\*["'])?\]?\s*(?::|=>?)\s*` + quotedValue)
	loosePair    = regexp.MustCompile(`(?i)[?&;\n]([\w.-]*refresh[_-]?token)=([^&;\s"'<>]+)`)
	looseElement = regexp.MustCompile(`(?i)<([\w.:-]*refresh[_-]?token)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?([^<>\s\]]+)(?:\]\]>)?\s*</`)
)

// salvage finds refresh tokens where the answer is no document, or none any more: under their own name, and
// under the last one of the definition's pointer.
func (d document) salvage(pointer string) []Found {
	if len(d.loose) == 0 {
		return nil
	}
	var notes document
	for _, match := range looseMember.FindAllSubmatch(d.loose, -1) {
		notes.note(unquoted(match[2:]), notRefresh.of(string(match[1])), "")
	}
	for _, at := range loosePair.FindAllSubmatchIndex(d.loose, -1) {
		if at[1] < len(d.loose) || !d.cut {
			notes.note(unescape(string(d.loose[at[4]:at[5]])), notRefresh.of(string(d.loose[at[2]:at[3]])), "")
		}
	}
	for _, match := range looseElement.FindAllSubmatch(d.loose, -1) {
		notes.note(html.UnescapeString(string(match[2])), notRefresh.of(string(match[1])), "")
	}
	if own, err := regexp.Compile(`"` + regexp.QuoteMeta(lastToken(pointer)) + `"\s*:\s*` + quotedValue); err == nil {
		for _, match := range own.FindAllSubmatch(d.loose, -1) {
			notes.note(unquoted(match[1:]), isRefresh, "")
		}
	} // else the pointer is no UTF-8
	return notes.found
}

// unquoted is the value of what quotedValue has matched, "" when it is none or blank.
func unquoted(match [][]byte) string {
	var text string
	if match[0] != nil && json.Unmarshal(match[0], &text) != nil {
		return ""
	}
	if text += string(match[1]) + string(match[2]); strings.TrimSpace(text) == "" {
		return ""
	}
	return text
}
