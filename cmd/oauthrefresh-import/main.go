// Command oauthrefresh-import writes many roles from one CSV or JSON file: the hand-over of grants that lay elsewhere.
// scripts/import runs it, and docs/moving.md says where the files come from.
//
// It spends nothing. It reads roles, writes those that are not there, and asks for no token. A role that exists is
// never written, whatever the file says of it: its refresh token may have been replaced since, and to write the old one
// would end the grant. What it has done stands in a journal beside the input, by names, so that it can be stopped at any
// moment and started again.
//
// It speaks HTTP to Vault, since Vault's API client has no place in the plugin's module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const usage = `Usage: scripts/import [flags] FILE

Writes a role of the mount for each row of FILE, CSV or JSON; - is standard input. The columns are the fields of
roles/<name>, and name; a column such as provider_params.domain is one entry of a map. JSON is an array of objects, or
an object of them by name. Everything is checked before anything is written. Nothing is refreshed, and a role that
exists is left as it is. Stopped by Ctrl-C or worse, it goes on where it was when it is started again.

Needs VAULT_ADDR, VAULT_TOKEN (or ~/.vault-token) with create and read on <mount>/roles/*, and takes VAULT_NAMESPACE,
VAULT_CACERT, VAULT_CAPATH, VAULT_TLS_SERVER_NAME, VAULT_CLIENT_CERT, VAULT_CLIENT_KEY and VAULT_SKIP_VERIFY. Exits
with 0 if every row is written, now or before, 1 if some are not, 2 if nothing could be begun.

Flags:
`

// The exit codes.
const (
	exitDone    = 0
	exitPartly  = 1
	exitRefused = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends it at once
	os.Exit(run(ctx, os.Args[1:], surroundings{os.Stdin, os.Stdout, os.Stderr, os.Getenv, pause}))
}

// surroundings are what the program has from the operating system.
type surroundings struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	pause          func(context.Context, time.Duration) error
}

// pause waits, or returns an error when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// options are what the command line says.
type options struct {
	mount, journal, report string
	dryRun                 bool
	rate                   float64
	mapping, set           pairs
}

// run is main with all that it needs; it returns the exit code.
func run(ctx context.Context, args []string, with surroundings) int {
	var o options
	f := flag.NewFlagSet("import", flag.ContinueOnError)
	f.SetOutput(with.stderr)
	f.Usage = func() { fmt.Fprint(with.stderr, usage); f.PrintDefaults() }
	f.StringVar(&o.mount, "mount", "oauth", "`path` of the mount")
	f.BoolVar(&o.dryRun, "dry-run", false, "check everything and write nothing")
	f.Var(&o.mapping, "mapping", "`theirs=ours`: a column that is called otherwise; theirs= leaves it out; repeat it for more")
	f.Var(&o.set, "set", "`field=value` that all rows have in common, =@file for the content of a file; repeat it for more")
	f.StringVar(&o.journal, "journal", "", "`file` that keeps what is done (default: FILE.journal)")
	f.StringVar(&o.report, "report", "", "`file` to write the report to as JSON")
	f.Float64Var(&o.rate, "rate", 50, "requests to Vault a second at most, `n`; 0 for as fast as it answers")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitDone
	} else if err != nil {
		return exitRefused // flag has said why
	}
	if f.NArg() != 1 {
		f.Usage()
		return exitRefused
	}
	done, err := importFile(ctx, f.Arg(0), o, with)
	if err != nil {
		fmt.Fprintln(with.stderr, "import:", err)
	}
	switch {
	case done == nil:
		return exitRefused
	case err != nil || !done.complete():
		return exitPartly
	}
	return exitDone
}

// importFile does it all. Without a report nothing was begun; with an error besides, it was not finished.
func importFile(ctx context.Context, name string, o options, with surroundings) (*report, error) {
	switch {
	case o.journal == "" && name != "-":
		o.journal = name + ".journal"
	case o.journal == "" && !o.dryRun:
		return nil, errors.New("for standard input say with -journal which file is to keep what is done")
	}
	if err := keepsApart(name, o.journal, o.report); err != nil {
		return nil, err
	}
	if err := writable(o.report); err != nil {
		return nil, err
	}
	rows, err := readInput(name, o, with)
	if err != nil {
		return nil, err
	}
	v, err := newVault(o.mount, o.rate, with)
	if err != nil {
		return nil, err
	}
	fields, accessor, err := v.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := check(rows, fields); err != nil {
		return nil, err
	}
	j := &journal{} // of a trial from standard input
	if o.journal != "" {
		if j, err = loadJournal(o.journal, accessor); err != nil {
			return nil, err
		}
	}
	defer j.close()
	r := &runner{vault: v, journal: j, fields: fields, stderr: with.stderr, report: newReport(v.mount, o.dryRun, rows)}
	err = r.run(ctx, rows)
	r.report.print(with.stdout)
	if _, none := os.Stat(o.journal); none == nil && !r.report.complete() && !o.dryRun {
		fmt.Fprintf(with.stdout, "What is done stands in %s: the same command again goes on from there.\n", o.journal)
	}
	if o.report != "" {
		err = errors.Join(err, r.report.store(o.report))
	}
	return r.report, err
}

// keepsApart refuses to write over the input, which may be the only place where the refresh tokens are, and over the journal.
func keepsApart(input, journal, report string) error {
	if input != "-" && (sameFile(input, journal) || sameFile(input, report)) {
		return errors.New("the journal and the report must not be the input itself")
	}
	if sameFile(journal, report) {
		return errors.New("the report must not be the journal: it would be written over what is done")
	}
	return nil
}

// sameFile tells whether two names are those of one file, whether or not it is there. No name is no file's.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if is, err := os.Stat(a); err == nil {
		if other, err := os.Stat(b); err == nil && os.SameFile(is, other) {
			return true
		}
	}
	return place(a) == place(b)
}

// place is where a file of this name is, or would be.
func place(name string) string {
	if whole, err := filepath.Abs(name); err == nil {
		name = whole
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		name = filepath.Join(dir, filepath.Base(name))
	}
	return name
}

// writable finds out whether the report can be stored while nothing is begun yet, and leaves what there is as it is.
func writable(report string) error {
	if report == "" {
		return nil
	}
	info, err := os.Stat(report)
	flags := os.O_WRONLY
	switch {
	case errors.Is(err, fs.ErrNotExist):
		flags |= os.O_CREATE | os.O_EXCL
	case err == nil && !info.Mode().IsRegular() && !info.IsDir(): // a pipe's reader would see its end
		return nil
	}
	file, err := os.OpenFile(report, flags, 0o600)
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	err = file.Close()
	if flags&os.O_CREATE != 0 {
		err = errors.Join(err, os.Remove(report))
	}
	return err
}
