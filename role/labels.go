package role

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// Labels are an operator's own words about a role, such as who looks after it: for whoever looks for roles, and for nothing
// else. No provider hears of them.
const (
	labelsField     = "labels"
	maxLabels       = 16
	maxLabelLetters = 128 // of a value
)

// labelRule is what a label may be called. Only a name that fits is repeated in an error: anything else may be a value that
// has slipped into its place.
var labelRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,62}$`)

const labelSentence = "the name of a label is up to 63 letters, digits and _ . - that begin with a letter or _"

// checkLabels returns what is wrong with the role's labels, without their values.
func (r *Role) checkLabels() error {
	if len(r.Labels) > maxLabels {
		return mount.Refusal(fmt.Sprintf("labels are at most %d: leave some out; a write replaces all of them", maxLabels))
	}
	for name, value := range r.Labels {
		switch {
		case !labelRule.MatchString(name):
			return mount.Refusal("labels: " + labelSentence + ", as in labels=team=payments")
		case strings.ContainsFunc(value, breaks):
			return mount.Refusal(fmt.Sprintf("labels: the value of %s holds a line break or another control character: write it on one line", name))
		case utf8.RuneCountInString(value) > maxLabelLetters:
			return mount.Refusal(fmt.Sprintf("labels: the value of %s is longer than %d characters: labels are for finding roles; keep a text elsewhere and label where it is", name, maxLabelLetters))
		}
	}
	return nil
}

// ParseLabel reads a label to look for, as in team=payments: its name ends at the first =, and its value may hold more of
// them or be empty. The error is a sentence for whoever has written it, without what they wrote.
func ParseLabel(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return "", "", errors.New("a label to look for is name=value, as in label=team=payments")
	}
	if !labelRule.MatchString(name) {
		return "", "", errors.New("a label to look for is name=value, and " + labelSentence)
	}
	return name, value, nil
}
