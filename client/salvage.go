package client

import (
	"encoding/json"
	"regexp"
	"strings"
)

// salvage finds the refresh token even where the answer is no valid document any more: behind a
// syntax error, inside a warning of the server's script language. The member's name must then be
// followed by one complete string, and by the same one wherever it occurs.
func (d document) salvage(pointer string) Secret {
	if found := d.text(pointer); found != "" || d.whole {
		return boundedSecret(found)
	}
	member, err := regexp.Compile(`"` + regexp.QuoteMeta(lastToken(pointer)) + `"\s*:\s*("(?:[^"\\]|\\.)*")`)
	if err != nil {
		return Secret{} // the pointer is no UTF-8
	}
	found := ""
	for _, match := range member.FindAllSubmatch(d.raw, -1) {
		var candidate string
		if json.Unmarshal(match[1], &candidate) != nil || strings.TrimSpace(candidate) == "" {
			continue
		}
		if found != "" && found != candidate {
			return Secret{} // two grants' tokens: taking the wrong one would be worse
		}
		found = candidate
	}
	return boundedSecret(found)
}

// boundedSecret leaves out what can't be a token by its size.
func boundedSecret(value string) Secret {
	if len(value) > maxToken {
		return Secret{}
	}
	return NewSecret(value)
}
