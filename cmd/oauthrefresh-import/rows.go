package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// row is one role to be: what the input says of it, under the input's own names, then under ours.
type row struct {
	at     string // where it stands, as "line 2" or "entry 1"
	name   string
	fields map[string]any
}

// pairs is a flag that may be repeated, each time with a=b.
type pairs []pair

type pair struct{ key, value string }

// String is for the flag package.
func (p *pairs) String() string { return "" }

// Set takes one of them.
func (p *pairs) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("there is no name before a =")
	}
	*p = append(*p, pair{key, value})
	return nil
}

// text is a field's value as the mount reads it: without the line ends around it that a file may bring.
func (r row) text(field string) string {
	value, _ := r.fields[field].(string)
	return strings.Trim(value, "\r\n")
}

// asTheyStand makes texts of numbers: a long one, as an id may be, would lose digits on its way to the plugin.
func asTheyStand(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case json.Number:
			fields[name] = value.String()
		case map[string]any:
			asTheyStand(value)
		}
	}
}

// readInput reads the rows and gives them the names of our fields, and what they have in common.
func readInput(name string, o options, with surroundings) ([]row, error) {
	in := with.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
			fmt.Fprintf(with.stderr, "import: others on this machine may read %s, which holds secrets: chmod 600 it\n", name)
		}
		in = file
	}
	rows, err := readRows(in)
	if err != nil {
		return nil, err
	}
	return rows, errors.Join(rename(rows, o.mapping), common(rows, o.set))
}

// readRows reads JSON, if it begins as that does, else CSV. Its errors name places and no values.
func readRows(r io.Reader) ([]row, error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(2); string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff" { // "Unicode text", as Excel calls it
		return nil, errors.New("the input is UTF-16: save it as UTF-8")
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) { // as Excel begins its files
		in.Discard(len(mark))
	}
	for {
		c, err := in.ReadByte()
		if err != nil {
			return nil, errors.New("the input is empty")
		}
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			continue
		}
		in.UnreadByte()
		if c == '[' || c == '{' {
			return readJSON(in)
		}
		return readCSV(in)
	}
}

// readCSV reads a table whose first line names its columns. An empty cell names nothing, and a line of them is blank.
func readCSV(in *bufio.Reader) (rows []row, err error) {
	table := csv.NewReader(in)
	header, err := readHeader(table, otherwise(in))
	if err != nil {
		return nil, err
	}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not CSV as in RFC 4180: %w", err) // it names line and column
		}
		line, _ := table.FieldPos(0)
		fields := map[string]any{}
		for i, cell := range cells {
			if cell != "" {
				fields[header[i]] = cell
			}
		}
		if len(fields) > 0 {
			rows = append(rows, row{at: fmt.Sprintf("line %d", line), fields: fields})
		}
	}
}

// otherwise tells whether something else than a comma is what first separates columns in a table's first line.
func otherwise(in *bufio.Reader) bool {
	begin, _ := in.Peek(in.Size())
	line, _, _ := bytes.Cut(begin, []byte("\n"))
	i := bytes.IndexAny(line, ",;\t")
	return i >= 0 && line[i] != ','
}

// readHeader reads the names of the columns.
func readHeader(table *csv.Reader, otherwise bool) ([]string, error) {
	header, err := table.Read()
	if otherwise && !slices.Contains(header, "name") {
		return nil, errors.New("the columns are separated by semicolons or tabs: separate them by commas")
	}
	if err != nil {
		return nil, fmt.Errorf("the first line is no CSV: %w", err)
	}
	for i, column := range header {
		header[i] = strings.TrimSpace(column)
		if header[i] == "" {
			return nil, fmt.Errorf("column %d of the first line has no name", i+1)
		}
		if slices.Contains(header[:i], header[i]) {
			return nil, fmt.Errorf("columns %d and %d of the first line have the same name", slices.Index(header, header[i])+1, i+1)
		}
	}
	return header, nil
}

// readJSON reads an array of objects, or an object of objects by name. It goes token by token, so that a name that
// stands there twice is seen twice.
func readJSON(r io.Reader) (rows []row, err error) {
	in := json.NewDecoder(r)
	in.UseNumber()
	open, err := in.Token()
	for err == nil && in.More() {
		it := row{at: fmt.Sprintf("entry %d", len(rows)+1)}
		var name json.Token
		if open == json.Delim('{') {
			if name, err = in.Token(); err != nil {
				break
			}
		}
		if it.fields, err = readObject(in, it.at); err != nil {
			return nil, err
		}
		maps.DeleteFunc(it.fields, func(_ string, value any) bool { return value == nil || value == "" })
		if name != nil {
			if own, ok := it.fields["name"]; ok && own != name {
				return nil, fmt.Errorf("%s stands under one name and has another as its name", it.at)
			}
			it.fields["name"] = name
		}
		rows = append(rows, it)
	}
	if err == nil {
		_, err = in.Token()
	}
	if err != nil {
		return nil, fmt.Errorf("not JSON at byte %d", in.InputOffset())
	}
	if in.More() {
		return nil, errors.New("there is more JSON behind the first value: jq -s makes one array of many objects")
	}
	return rows, nil
}

// readObject reads the fields of one row.
func readObject(in *json.Decoder, at string) (fields map[string]any, err error) {
	var text json.RawMessage
	again := func() *json.Decoder {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return d
	}
	if err = in.Decode(&text); err == nil {
		err = again().Decode(&fields)
	}
	if err != nil || fields == nil {
		return nil, fmt.Errorf("%s is no JSON object: what is read is an array of objects, or an object of objects by name", at)
	}
	if keyTwice(again()) {
		return nil, fmt.Errorf("%s has two fields with the same name", at)
	}
	asTheyStand(fields)
	return fields, nil
}

// keyTwice tells whether an object in JSON that is well-formed has a key twice: one of the values would be lost.
func keyTwice(in *json.Decoder) bool {
	open, _ := in.Token()
	if _, ok := open.(json.Delim); !ok {
		return false
	}
	seen := map[json.Token]bool{}
	for in.More() {
		if open == json.Delim('{') {
			key, _ := in.Token()
			if seen[key] {
				return true
			}
			seen[key] = true
		}
		if keyTwice(in) {
			return true
		}
	}
	_, _ = in.Token() // the end
	return false
}

// rename gives columns our names, or leaves them out.
func rename(rows []row, mapping pairs) error {
	used := map[string]bool{}
	to := map[string]string{}
	for _, m := range mapping {
		to[m.key] = m.value
	}
	for i := range rows {
		fields := map[string]any{}
		for theirs, value := range rows[i].fields {
			ours, mapped := to[theirs]
			used[theirs] = true
			if mapped && ours == "" {
				continue
			}
			if !mapped {
				ours = theirs
			}
			if _, twice := fields[ours]; twice {
				return fmt.Errorf("%s: two columns are %s once -mapping has renamed them", rows[i].at, ours)
			}
			fields[ours] = value
		}
		rows[i].fields = fields
	}
	for _, m := range mapping {
		if !used[m.key] {
			return fmt.Errorf("-mapping names a column %s that no row has", m.key)
		}
	}
	return nil
}

// common gives all rows what they have in common.
func common(rows []row, set pairs) error {
	for _, s := range set {
		value := s.value
		if file, ok := strings.CutPrefix(value, "@"); ok { // as the vault command has it
			text, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("-set %s: %w", s.key, err)
			}
			value = string(text)
		}
		for _, r := range rows {
			if _, ok := r.fields[s.key]; ok {
				return fmt.Errorf("%s has a %s of its own: either it stands in the input or in -set", r.at, s.key)
			}
			r.fields[s.key] = value
		}
	}
	return nil
}
