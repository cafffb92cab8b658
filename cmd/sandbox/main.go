// Command sandbox stands in for five token endpoints on this machine: Isabel Connect, Salesforce, PandaDoc,
// PingOne and Keliweb, and one strict OAuth server of nobody's, and for one resource that takes Isabel's
// tokens. It is what the demo and the end-to-end tests speak to, so it is written from the providers' documents
// and shares no code with the client.
//
// It is strict: a wrong method, header, media type, encoding, authentication or parameter is refused, and so
// is a spent refresh token, each in that provider's own words. It is stateful: tokens rotate, expire and die.
// It can be watched and told to misbehave. What it does is in the package sandbox and below it; here are its command
// line and the files that it leaves for whoever speaks to it.
//
// It is reached in two ways. Under the providers' true names through an HTTP CONNECT proxy, which ends TLS
// itself with certificates of its own CA and refuses every other target; and directly at
// https://127.0.0.1:PORT/<provider>/<path>. It opens no connection to anywhere.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage:
  sandbox [flags]                    serve until SIGINT or SIGTERM
  sandbox requests   [-dir D] [provider]
                                     what was received, secrets as digests
  sandbox stats      [-dir D]        counts, one line per provider
  sandbox control    [-dir D] key=value ...
                                     change behaviour, for example:
                                       provider=keliweb expires_in=20
                                       provider=pingone fail=1 status=503 retry_after=2
                                       provider=keliweb drop=1      (rotated, the answer lost)
                                       provider=generic drop=1 refresh_token="$TOKEN"
                                                                    (of that grant alone; client_id=
                                                                    for a client's requests alone)
                                       provider=salesforce rotation=true
                                       provider=pingone revoke=grants
                                       provider=generic client_id="generic client" client_secret=another
                                       provider=pingone endpoint=token drop=1   (of those requests alone)
                                       provider=pingone client_id="$PINGONE_CLIENT_ID" \
                                         redirect_uri=https://vault.example.com/v1/oauth/callback/pingone
                                       provider=pingone user=carol@example.test device_interval=1
  sandbox grant      [-dir D] provider [client_id]
                                     start a new grant, print its refresh token
  sandbox introspect [-dir D] provider [token]
                                     is an access token live? (the token from standard input
                                     when it is not named); exits 1 if not
  sandbox browse     [-dir D] [flags] URL
  sandbox browse     [-dir D] [flags] -device USER_CODE
                                     play the person at a browser: log in, allow, go on to
                                     the end, print that page; sandbox browse -h says more
  sandbox reset      [-dir D]        everything as it was at the start

Flags of the serving sandbox:
`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "browse" {
		return runBrowse(ctx, args[1:], stdout, stderr)
	}
	if len(args) > 0 {
		if command := commands[args[0]]; command != nil {
			return runCommand(ctx, command, args[1:], stdin, stdout, stderr)
		}
	}
	o, err := parseSettings(args, stderr)
	if err != nil {
		return err
	}
	return serve(ctx, o, stdout, stderr)
}
