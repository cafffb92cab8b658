package front

import (
	"net"
	"net/http"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

// serveProxy is the HTTP CONNECT side (RFC 9110 section 9.3.6). It opens no connection to anywhere: a provider's
// host is answered by the sandbox itself, and every other target is refused.
func (f *Front) serveProxy(w http.ResponseWriter, r *http.Request) {
	e := watch.Entry{Time: f.now(), Via: "proxy", Method: r.Method, Host: r.Host, Path: r.URL.Path}
	if r.Method != http.MethodConnect {
		f.turnAway(w, e, http.StatusForbidden, "this is a CONNECT proxy; nothing else passes")
		return
	}
	e.Path = ""
	host, port, err := net.SplitHostPort(r.Host)
	host = strings.ToLower(host)
	if err != nil || port != "443" || len(f.ledgers.At(host)) == 0 {
		f.turnAway(w, e, http.StatusForbidden, "the sandbox stands in for the providers' hosts on port 443 only; nothing leaves this machine")
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "cannot take the connection over", http.StatusInternalServerError)
		return
	}
	if rw.Reader.Buffered() > 0 { // TLS before the 200: no client does that
		conn.Close()
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		conn.Close()
		return
	}
	f.handshake(&wire{Conn: conn, via: "proxy", host: host})
}

// accept takes direct TLS connections until the listener closes.
func (f *Front) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go f.handshake(&wire{Conn: conn, via: "direct"})
	}
}
