package mount

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest is a short name for values, 32 hexadecimal digits made of their JSON: equal for equal ones, and telling nothing
// about them.
func Digest(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		return "" // not for the types above
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// ListOf keeps an empty list from being shown as null.
func ListOf(names []string) []string { return append([]string{}, names...) }
