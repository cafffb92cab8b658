package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// field is what the mount says of one field of a role, in its OpenAPI document.
type field struct {
	Format  string `json:"format"` // kvpairs for a map
	Display struct {
		Sensitive bool `json:"sensitive"`
	} `json:"x-vault-displayAttrs"`
}

// nameRule is what the mount takes as a name; mount.IsName has it too.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9_@+:-][A-Za-z0-9._@+:-]{0,127}$`)

func isName(name string) bool { return nameRule.MatchString(name) && !strings.Contains(name, "..") }

// check looks at all rows before any is written, takes their names out and makes maps of dotted columns. The error says all
// that is wrong, and no value but names.
func check(rows []row, fields map[string]field) error {
	if len(rows) == 0 {
		return errors.New("the input has no rows")
	}
	if !slices.ContainsFunc(rows, func(r row) bool { _, ok := r.fields["name"]; return ok }) {
		// And no column is named here: without a header they are values.
		return errors.New("no row has a name: name the column with -mapping theirs=name, and see that the first line is the header")
	}
	var faults []error
	for i := range rows {
		faults = append(faults, takeName(&rows[i]), gather(&rows[i], fields))
	}
	faults = append(faults, unknown(rows, fields), twice(rows))
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("nothing was written, since this has to be put right first:\n%w", err)
	}
	return nil
}

// takeName moves the name out of the fields.
func takeName(r *row) error {
	value, ok := r.fields["name"]
	delete(r.fields, "name")
	if !ok {
		return fmt.Errorf("%s has no name", r.at)
	}
	name, ok := value.(string)
	if !ok || !isName(name) { // which may be a value in the wrong column
		return fmt.Errorf("%s has a name that no role can have: up to 128 letters, digits and . _ - @ + : that begin with no dot and have no two dots in a row", r.at)
	}
	r.name = name
	return nil
}

// gather makes one map of columns such as token_params.audience.
func gather(r *row, fields map[string]field) error {
	made := map[string]map[string]any{}
	for _, column := range slices.Sorted(maps.Keys(r.fields)) {
		of, key, dotted := strings.Cut(column, ".")
		if !dotted || fields[of].Format != "kvpairs" || key == "" {
			continue
		}
		if made[of] == nil {
			if _, whole := r.fields[of]; whole {
				return fmt.Errorf("%s has %s and a column for a part of it", r.at, of)
			}
			made[of] = map[string]any{}
		}
		made[of][key] = r.fields[column]
		delete(r.fields, column)
	}
	for of, pairs := range made {
		r.fields[of] = pairs
	}
	return nil
}

// unknown names the columns that are no fields of a role, and the one that would spend.
func unknown(rows []row, fields map[string]field) error {
	seen := map[string][]string{}
	for _, r := range rows {
		for column := range r.fields {
			if _, ok := fields[column]; !ok || column == "verify" {
				seen[column] = append(seen[column], r.at)
			}
		}
	}
	var faults []error
	for _, column := range slices.Sorted(maps.Keys(seen)) {
		if column == "verify" {
			faults = append(faults, errors.New("verify refreshes at once, and an import spends nothing: leave the column out with -mapping verify=, and read creds/<name> once all is in its place"))
			continue
		}
		at := seen[column]
		faults = append(faults, fmt.Errorf("a role has no field %s (%s, %d rows in all): say what it is with -mapping %s=field, or leave it out with -mapping %s=",
			column, at[0], len(at), column, column))
	}
	return errors.Join(faults...)
}

// twice finds rows that would be one role, and rows that would be two roles with one grant: each would spend the other's
// refresh token.
func twice(rows []row) error {
	var faults []error
	names, tokens := map[string]row{}, map[string]row{}
	for _, r := range rows {
		if first, ok := names[r.name]; ok && r.name != "" {
			faults = append(faults, fmt.Errorf("%s and %s have the same name, %s", first.at, r.at, r.name))
			continue
		}
		names[r.name] = r
		token := r.text("refresh_token")
		if token == "" {
			continue
		}
		if first, ok := tokens[token]; ok {
			faults = append(faults, fmt.Errorf("%s and %s have the same refresh token: two roles would spend one grant and end it. One role is enough for all its readers",
				first.called(), r.called()))
			continue
		}
		tokens[token] = r
	}
	return errors.Join(faults...)
}

// called is where a row stands, and its name if it has a good one.
func (r row) called() string {
	if r.name == "" {
		return r.at
	}
	return r.at + " (" + r.name + ")"
}
