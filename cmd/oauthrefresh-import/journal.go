package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// journal keeps what an import has done, by names, and nothing else of what it writes. Before each write stands the
// intent, after it that it is done, or that Vault has refused it and nothing of it is there; each line is on the disk before
// anything follows it. So a role that is there without an intent, or behind a refusal, is somebody else's.
type journal struct {
	path  string
	of    string // which mount it is of
	state map[string]progressOf
	read  int64 // how long it was when it was read
	whole int64 // and up to its last whole line
	file  *os.File
	lock  *flock.Flock
}

// progressOf is how far the journal knows a role to be.
type progressOf int

const (
	untouched progressOf = iota
	intended             // its write was begun
	done
)

// line is one line of the file.
type line struct {
	Mount   string `json:"mount,omitempty"` // the first line: the mount's accessor
	Writing string `json:"writing,omitempty"`
	Written string `json:"written,omitempty"`
	Refused string `json:"refused,omitempty"` // takes the intent back
}

// loadJournal reads what there is, and creates nothing. A line that was cut off by a crash is as if it had not been
// begun: nothing follows a line before it is whole.
func loadJournal(path, mount string) (*journal, error) {
	j := &journal{path: path, of: mount, state: map[string]progressOf{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	j.read, j.whole = int64(len(text)), int64(len(whole))
	for i, entry := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		var l line
		switch {
		case len(whole) == 0:
		case json.Unmarshal(entry, &l) != nil || l == (line{}) || (i == 0) != (l.Mount != ""):
			return nil, fmt.Errorf("%s is not a journal of this program: name another with -journal", path)
		case i == 0 && l.Mount != mount:
			return nil, fmt.Errorf("%s is of another mount, or of one that is gone: name another with -journal", path)
		case l.Written != "":
			j.state[l.Written] = done
		case l.Writing != "":
			j.state[l.Writing] = intended
		case l.Refused != "":
			j.state[l.Refused] = untouched
		}
	}
	if len(whole) == 0 && len(text) > 0 && !bytes.HasPrefix([]byte(`{"mount":"`+mount+`"}`), text) {
		return nil, fmt.Errorf("%s is not a journal of this program: name another with -journal", path)
	}
	return j, nil
}

// writing says that the write of a role begins.
func (j *journal) writing(name string) error {
	if j.state[name] == intended {
		return nil
	}
	j.state[name] = intended
	return j.add(line{Writing: name})
}

// written says that it is done.
func (j *journal) written(name string) error {
	j.state[name] = done
	return j.add(line{Written: name})
}

// refused says that nothing came of it.
func (j *journal) refused(name string) error {
	j.state[name] = untouched
	return j.add(line{Refused: name})
}

func (j *journal) add(l line) error {
	if err := j.open(); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return j.put(l)
}

// open opens the file for the first line of this run, and cuts off what a crash has left half. Of two imports that share a
// journal each would write what the other has just written, with a refresh token that may be spent by then: so the file is
// locked until the program ends, and it must still be as it was read.
func (j *journal) open() (err error) {
	if j.file != nil {
		return nil
	}
	lock := flock.New(j.path)
	if locked, err := lock.TryLock(); err != nil {
		return err
	} else if !locked {
		return fmt.Errorf("another import is under way that keeps it in %s: wait for its end", j.path)
	}
	file, err := os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		err = j.continues(file)
	}
	if err != nil {
		return errors.Join(err, lock.Unlock())
	}
	j.file, j.lock = file, lock
	if j.whole > 0 {
		return nil
	}
	return j.put(line{Mount: j.of})
}

// continues makes of an opened file one that ends as what was read of it.
func (j *journal) continues(file *os.File) error {
	now, err := file.Stat()
	if err != nil {
		return err
	}
	if now.Size() != j.read {
		return fmt.Errorf("another import has written to %s since this one began: start this one again", j.path)
	}
	return file.Truncate(j.whole)
}

func (j *journal) put(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(append(text, '\n')); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close() // each line was synced
		_ = j.lock.Unlock()
	}
}
