package mount

import (
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// nameRule is what a role or provider may be called. People and services are named by e-mail or
// prefixed id, hence more than letters; no slash, since it divides paths; no leading dot.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9_@+:-][A-Za-z0-9._@+:-]{0,127}$`)

// NamePattern captures a name in a path's pattern. It takes more than a name may be, so that a bad one
// is refused with a sentence.
const NamePattern = "(?P<name>.+)"

const roleName = "(?P<name>[^/]+)"

const (
	// OwnedPattern captures the name of a role and, behind a slash, that of an owner, which may be left out.
	OwnedPattern = roleName + "(/(?P<owner>.*))?"
	// OwnersPattern captures the name of a role whose owners are listed.
	OwnersPattern = roleName + "/$"
)

// fieldRule is what an unknown field must look like to be repeated in an error: anything else may
// be a value that has slipped into the place of a name.
var fieldRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,40}$`)

// Contain turns a panic into an error that holds no value. Without it the plugin process dies, and
// every exchange in flight with it. It must be what is deferred, since only that can recover.
func Contain(log hclog.Logger, err *error) {
	if p := recover(); p != nil {
		// The panic's text may quote data, the stack only names code.
		log.Error("internal error", "stack", string(debug.Stack()))
		*err = logical.CodedError(500, "internal error in the plugin; its log on the Vault server has the stack")
	}
}

// CheckRequest returns what is wrong with a request to a path, nil for nothing, as a sentence for its sender that repeats
// no value: a name that can't be one, a field that the path does not have, a value that does not fit its field, or more
// than one write may hold. A path that is nil is left to the framework.
func CheckRequest(path *framework.Path, req *logical.Request) error {
	switch req.Operation {
	case logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation,
		logical.ReadOperation, logical.DeleteOperation:
	case logical.ListOperation:
		if path == nil || path.Fields["limit"] == nil {
			return nil // what comes with it is left to the framework, which knows no such fields
		}
	default: // help, and what Vault itself asks for
		return nil
	}
	if path == nil {
		return nil
	}
	if err := CheckPathName(path, req); err != nil {
		return err
	}
	if err := checkUnknown(path, req); err != nil {
		return err
	}
	return checkFields(path, req)
}

// IsName tells whether a role or provider may be called that.
func IsName(name string) bool { return nameRule.MatchString(name) && !strings.Contains(name, "..") }

// CheckPathName returns an error for a name in the path that a role or provider can't have.
func CheckPathName(path *framework.Path, req *logical.Request) error {
	if path.Fields["name"] == nil {
		return nil
	}
	// What the pattern captures stands between its literal ends; the framework has added the anchors.
	pattern := strings.Trim(path.Pattern, "^$")
	if before, owned, ok := strings.Cut(pattern, roleName); ok {
		name, owner, named := strings.Cut(strings.TrimPrefix(req.Path, before), "/")
		if IsName(name) && named && len(owned) > len("/") && !IsName(owner) {
			return errors.New("this owner can't be used: like a role's, the name of an owner" + nameSentence)
		}
		return checkName(name)
	}
	before, after, _ := strings.Cut(pattern, NamePattern)
	return checkName(strings.TrimSuffix(strings.TrimPrefix(req.Path, before), after))
}

func checkName(name string) error {
	if !IsName(name) {
		return errors.New("this name can't be used: a name" + nameSentence)
	}
	return nil
}

const nameSentence = " is up to 128 letters, digits and . _ - @ + : that begin with no dot and have no two dots in a row"

// CheckNewName refuses a name for something new that means something else in a policy's path. What was
// stored under it before goes on.
func CheckNewName(name string) error {
	if strings.Trim(name, "+") == "" {
		return Refusal("this name can't be used for something new: a policy for a path that ends in + is one for every name, so it must not consist of + only")
	}
	return nil
}

// checkUnknown refuses fields that the path does not have: a secret under a misspelled name would
// otherwise be dropped and the operator told that all is well.
func checkUnknown(path *framework.Path, req *logical.Request) error {
	for field := range req.Data {
		given := field == "name" || field == "owner" // by the path
		if path.Fields[field] != nil && !given {
			continue
		}
		help := fmt.Sprintf("run \"vault path-help %s%s\" to see the fields of this path", req.MountPoint, req.Path)
		if given && path.Fields[field] != nil {
			return fmt.Errorf("the %s is given by the path: leave the field %[1]s out", field)
		}
		if !fieldRule.MatchString(field) {
			return fmt.Errorf("this path has no such field; %s", help)
		}
		if near := nearest(field, path.Fields); near != "" {
			return fmt.Errorf("this path has no field %s; did you mean %s? Nothing was changed", field, near)
		}
		return fmt.Errorf("this path has no field %s; %s", field, help)
	}
	return nil
}

// nearest returns the field that was probably meant, "" when none comes close.
func nearest(field string, fields map[string]*framework.FieldSchema) (near string) {
	best := 4 // more than three typing errors is another word
	for candidate := range fields {
		if d := levenshtein.Distance(strings.ToLower(field), candidate, nil); d < best && d < len(candidate)/2+1 {
			near, best = candidate, d
		}
	}
	return near
}
