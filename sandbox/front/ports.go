package front

import (
	"fmt"
	"net"
)

// Ports are the three that a sandbox listens on.
type Ports struct {
	Proxy  net.Listener // CONNECT
	Direct net.Listener // the providers' endpoints, over TLS
	API    net.Listener // observation, in plain HTTP
}

// OpenPorts opens all three; "" is a free one of 127.0.0.1.
func OpenPorts(proxy, direct, api string) (p Ports, err error) {
	if p.Proxy, err = listen(proxy); err != nil {
		return p, err
	}
	if p.Direct, err = listen(direct); err == nil {
		if p.API, err = listen(api); err == nil {
			return p, nil
		}
		p.Direct.Close()
	}
	p.Proxy.Close()
	return p, err
}

// listen opens a port, on loopback or not at all.
func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s is not host:port: %w", addr, err)
	}
	if ip := net.ParseIP(host); !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address: the sandbox serves this machine only", addr)
	}
	return net.Listen("tcp", addr)
}
