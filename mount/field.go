package mount

import (
	"maps"
	"reflect"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
)

// Field is one field of what an operator writes, declared in one row: what its schema says, how a write is read into
// the variable that it stands for, and how a read shows that. Text, Texts, Boolean, Number, Seconds and Pairs make rows for
// the types of variables; a package whose variables are of a type of its own changes Read and Show of one of these.
type Field struct {
	Name, Description string
	// Default is what the schema names and what an empty value returns to, nil for the type's zero.
	Default any
	// Sensitive has the field typed where nobody reads along, and left out of what user interfaces show.
	Sensitive bool
	// Read takes what a write says that names the field. nil for a field that whoever has declared it reads by itself.
	Read func(Input)
	// Show puts into a read's data what may be seen of the field, under its name or another. nil for nothing.
	Show func(data map[string]any)

	kind framework.FieldType
}

// Name is the row for the name that a path captures, of a role or of a provider. The path's handler reads it.
func Name(of string) Field {
	return Text("name", nil, "Name of the "+of+", from the path.")
}

// Owner is the row of an owner in the path.
func Owner() Field {
	return Text("owner", nil, "Whose grant, on a role with grant_owner=entity, from the path; left out, the caller's own. For operators and brokers.")
}

// Text is a row for a text. Like all of these it declares the field only, with nothing to read into and to show,
// when the variable is nil.
func Text(name string, of *string, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeString}
	if of == nil {
		return f
	}
	return f.reads(func(value any) { *of, _ = value.(string) }).Shows(name, func() any { return *of })
}

// Boolean is a row for true or false.
func Boolean(name string, of *bool, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeBool}
	if of == nil {
		return f
	}
	return f.reads(func(value any) { *of, _ = value.(bool) }).Shows(name, func() any { return *of })
}

// Seconds is a row for a duration, which a write gives in whole seconds, as 3600, or as 90s, 2h or 10d, and a read shows
// in seconds, as everywhere in Vault.
func Seconds[D ~int64](name string, of *D, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeDurationSecond}
	if of == nil {
		return f
	}
	f = f.reads(func(value any) {
		seconds, _ := value.(int) // as the framework has them
		*of = D(time.Duration(seconds) * time.Second)
	})
	return f.Shows(name, func() any { return int64(time.Duration(*of).Seconds()) })
}

// Number is a row for a whole number, which an empty value clears.
func Number(name string, of *int, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeInt}
	if of == nil {
		return f
	}
	return f.reads(func(value any) { *of, _ = value.(int) }).Shows(name, func() any { return *of })
}

// Texts is a row for a list of texts, which a write gives as a list or with commas between them. None is shown as an
// empty list.
func Texts(name string, of *[]string, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeCommaStringSlice}
	if of == nil {
		return f
	}
	return f.reads(func(value any) { *of, _ = value.([]string) }).Shows(name, func() any { return ListOf(*of) })
}

// Pairs is a row for a map of texts, which a write replaces as a whole. None is shown as an empty map.
func Pairs(name string, of *map[string]string, description string) Field {
	f := Field{Name: name, Description: description, kind: framework.TypeKVPairs}
	if of == nil {
		return f
	}
	return f.reads(func(value any) { *of, _ = value.(map[string]string) }).Shows(name, func() any { return maps.Collect(maps.All(*of)) })
}

// reads is the row with a way to take what a write says.
func (f Field) reads(take func(value any)) Field {
	f.Read = func(in Input) { take(in.Value(f.Name)) }
	return f
}

// DefaultsTo is the row with a default, of the type that the framework has for the field: a number of seconds is an int.
func (f Field) DefaultsTo(value any) Field {
	f.Default = value
	return f
}

// Shows is the row with another thing to show, under another name.
func (f Field) Shows(name string, value func() any) Field {
	f.Show = func(data map[string]any) { data[name] = value() }
	return f
}

// Hidden is the row of what is sensitive and of which no read shows anything.
func (f Field) Hidden() Field {
	f.Sensitive, f.Show = true, nil
	return f
}

// OmitEmpty is the row of what a read shows where it is set only.
func (f Field) OmitEmpty() Field {
	show := f.Show
	f.Show = func(data map[string]any) {
		show(data)
		if IsEmpty(data[f.Name]) {
			delete(data, f.Name)
		}
	}
	return f
}

// Fields are the rows of a path, of variables that belong together.
type Fields []Field

// Schema is the fields as a path of the framework declares them, by name.
func (fields Fields) Schema() map[string]*framework.FieldSchema {
	schema := make(map[string]*framework.FieldSchema, len(fields))
	for _, f := range fields {
		s := &framework.FieldSchema{Type: f.kind, Default: f.Default, Description: f.Description}
		if f.Sensitive {
			s.DisplayAttrs = &framework.DisplayAttributes{Sensitive: true}
		}
		schema[f.Name] = s
	}
	return schema
}

// Read reads a write into the variables of the fields that it names, and leaves the others as they are. It checks
// nothing: CheckRequest has refused what does not fit a field's type.
func (fields Fields) Read(in Input) {
	for _, f := range fields {
		if f.Read != nil && in.Names(f.Name) {
			f.Read(in)
		}
	}
}

// Show adds to a read's data what may be seen of the fields.
func (fields Fields) Show(data map[string]any) {
	for _, f := range fields {
		if f.Show != nil {
			f.Show(data)
		}
	}
}

// IsEmpty tells that a field's value says nothing: that it is not there, zero, or a list or map with nothing in it.
func IsEmpty(value any) bool {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}
