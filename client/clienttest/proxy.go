package clienttest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
)

// Proxy is an HTTP CONNECT proxy that leads chosen host names to Servers, so that a test can use a
// provider's true URL. Every other name is refused: nothing leaves the machine.
//
// net/http reads HTTPS_PROXY once per process, so start the proxy in TestMain:
//
//	proxy, stop := clienttest.StartProxy()
//	os.Setenv("HTTPS_PROXY", proxy.URL())
type Proxy struct {
	listener net.Listener
	mu       sync.Mutex
	routes   map[string]string
}

// StartProxy starts a proxy on loopback. It panics when there is no port to listen on; stop ends
// it.
func StartProxy() (proxy *Proxy, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	p := &Proxy{listener: l, routes: map[string]string{}}
	go p.accept()
	return p, func() { _ = l.Close() }
}

// URL is the proxy's address for HTTPS_PROXY.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Route leads connections to host ("api.example.com", port 443) to the server, which needs a
// certificate for that name (see ServerCertificate). The latest route to a host counts.
func (p *Proxy) Route(host string, s *Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes[net.JoinHostPort(host, "443")] = s.Addr()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(conn)
	}
}

func (p *Proxy) serve(conn net.Conn) {
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	p.mu.Lock()
	target := p.routes[request.Host]
	p.mu.Unlock()
	if request.Method != http.MethodConnect || target == "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer server.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}
