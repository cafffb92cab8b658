package main

import (
	"fmt"
	"net"
)

// ports are the three that a sandbox listens on.
type ports struct {
	proxy  net.Listener // CONNECT
	direct net.Listener // the providers' endpoints, over TLS
	api    net.Listener // observation, in plain HTTP
}

// openPorts opens all three; "" is a free one of 127.0.0.1.
func openPorts(proxy, direct, api string) (p ports, err error) {
	if p.proxy, err = listen(proxy); err != nil {
		return p, err
	}
	if p.direct, err = listen(direct); err == nil {
		if p.api, err = listen(api); err == nil {
			return p, nil
		}
		p.direct.Close()
	}
	p.proxy.Close()
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
